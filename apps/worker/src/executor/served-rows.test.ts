import { expect, test } from 'vitest'
import { buildOnnx } from '../onnx-file/fixtures/build-onnx.ts'
import type { NodeSpec } from '../onnx-file/fixtures/build-onnx.ts'
import { noHints } from '../onnx-file/value-hints.ts'
import { readModelSettings } from '../repository/read-model-settings.ts'
import { chooseTask } from '../tasks/choose-task.ts'
import { openModelSession } from './model-session.ts'
import { seededRandom } from './sample-rows.ts'
import { ServedRows } from './served-rows.ts'
import { warmUp } from './warm-up.ts'

/** Only what is above 1e9 gets another answer than 0, which no row is that is made up. `more` is done to it. */
const aboveAll = (more: NodeSpec[] = []) =>
  buildOnnx({
    inputs: [{ name: 'x', type: 'float32', shape: ['N', 'L'] }],
    constants: [{ name: 'bound', floats: [1e9] }],
    nodes: [
      { op: 'Sub', inputs: ['x', 'bound'], outputs: ['above'] },
      { op: 'Relu', inputs: ['above'], outputs: [more.length > 0 ? 'z' : 'y'] },
      ...more,
    ],
    outputs: [{ name: 'y', type: 'float32', shape: ['N', 'L'] }],
  })
/** As much as all rows together are at least. */
const least: NodeSpec[] = [
  { op: 'ReduceMin', inputs: ['z'], outputs: ['least'], integers: { keepdims: 1 } },
  { op: 'Sub', inputs: ['z', 'least'], outputs: ['y'] },
]

const serve = async (model: Uint8Array) => {
  const settings = readModelSettings('')
  const source = { model, zipMaps: [], classLabels: undefined, hints: noHints }
  const session = await openModelSession({ source, onnxPath: '', threads: 1, providers: ['cpu'] })
  let runs = 0
  const counted = {
    ...session,
    run: (...given: Parameters<typeof session.run>) => {
      runs += 1
      return session.run(...given)
    },
  }
  const [chosen, now] = [chooseTask(settings), () => 0]
  const { probe, maxRows, reason, isUndecided } = await warmUp({
    session: counted,
    chosen,
    settings,
    hints: noHints,
    random: seededRandom(1),
    now,
  })
  const verdict = { maxRows, reason, isUndecided }
  const served = new ServedRows({ probe, settings, now, verdict })
  /** How many runs of the model it takes. */
  const runsOf = async (act: () => Promise<unknown>) => {
    const before = runs
    await act()
    return runs - before
  }
  return { served, verdict, runsOf }
}

const atOnce = <T>(run: () => Promise<T>) => run()
const row = (...x: number[]) => ({ x })

test('rows that ran show that rows may share a run, where those that were made up did not', async () => {
  const { served, verdict, runsOf } = await serve(aboveAll())
  expect(verdict).toMatchObject({ maxRows: 1, isUndecided: true })
  await served.run([row(1, 2), row(2e9, 3), row(3e9, 4)])

  expect(await served.proveAgain(atOnce)).toEqual({ maxRows: 64, reason: null, isUndecided: false })
  expect(await runsOf(() => served.run([row(1, 2), row(2e9, 3), row(3e9, 4)]))).toBe(1)
})

test('rows that ran show that rows must not share a run', async () => {
  const { served } = await serve(aboveAll(least))
  await served.run([row(1, 2)])
  await served.run([row(2e9, 3e9)])

  const verdict = await served.proveAgain(atOnce)

  expect(verdict).toMatchObject({ maxRows: 1, isUndecided: false })
  expect(verdict.reason).toMatch(/^rows are not independent: output y/)
})

test('nothing is known as long as all rows that ran got the same', async () => {
  const { served, verdict } = await serve(aboveAll())
  await served.run([row(1, 2), row(3, 4)])

  expect(await served.proveAgain(atOnce)).toEqual(verdict)
})

test('rows of several shapes are no reason against those of one', async () => {
  const { served } = await serve(aboveAll())
  await served.run([row(1), row(2e9), row(1, 2, 3), row(2e9, 3e9, 4e9), row(5e9, 1, 1)])

  expect(await served.proveAgain(atOnce)).toMatchObject({ reason: null, maxRows: 64 })
})

test('a proof lets others have their turn before each of its runs', async () => {
  const { served, runsOf } = await serve(aboveAll())
  await served.run([row(1, 2), row(2e9, 3)])
  let turns = 0
  const countTurns = <T>(run: () => Promise<T>) => {
    turns += 1
    return run()
  }

  const runs = await runsOf(() => served.proveAgain(countTurns))

  expect(runs).toBeGreaterThan(3)
  expect(turns).toBe(runs)
})

test('what was proven in another executor counts here', async () => {
  const { served, runsOf } = await serve(aboveAll())

  served.share(2)

  expect(await runsOf(() => served.run([row(1), row(2), row(3), row(4)]))).toBe(2)
  expect(await served.proveAgain(atOnce)).toEqual({ maxRows: 2, reason: null, isUndecided: false })
})

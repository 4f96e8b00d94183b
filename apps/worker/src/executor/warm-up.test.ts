import { expect, test } from 'vitest'
import { buildOnnx } from '../onnx-file/fixtures/build-onnx.ts'
import { noHints } from '../onnx-file/value-hints.ts'
import { readModelSettings } from '../repository/read-model-settings.ts'
import { chooseTask } from '../tasks/choose-task.ts'
import { openModelSession } from './model-session.ts'
import { seededRandom } from './sample-rows.ts'
import { warmUp } from './warm-up.ts'

/** Only what is above 300 gets another answer than 0, and rows of that size are not the first ones to be tried. */
const aboveAll = buildOnnx({
  inputs: [{ name: 'x', type: 'float32', shape: ['N', 1] }],
  constants: [{ name: 'bound', floats: [300] }],
  nodes: [
    { op: 'Sub', inputs: ['x', 'bound'], outputs: ['above'] },
    { op: 'Relu', inputs: ['above'], outputs: ['y'] },
  ],
  outputs: [{ name: 'y', type: 'float32', shape: ['N', 1] }],
})

/** Ones along the diagonal: integers that say in which place a row is, and nothing of the row. */
const diagonal = buildOnnx({
  inputs: [{ name: 'x', type: 'float32', shape: ['N', 3] }],
  nodes: [{ op: 'EyeLike', inputs: ['x'], outputs: ['y'], integers: { dtype: 7 } }],
  outputs: [{ name: 'y', type: 'int64', shape: ['N', 3] }],
})

const warmUpOf = async (
  model: Uint8Array,
  now: () => number,
  options: Pick<Parameters<typeof warmUp>[0], 'largestRunMs'> = {},
) => {
  const settings = readModelSettings('')
  const source = { model, zipMaps: [], classLabels: undefined, hints: noHints }
  const session = await openModelSession({ source, onnxPath: '', threads: 1, providers: ['cpu'] })
  const chosen = chooseTask(settings)
  return warmUp({ session, chosen, settings, hints: noHints, random: seededRandom(1), now, ...options })
}

test('a core that has little time for it does not keep a row from being found that gets another answer', async () => {
  let now = 0

  // each look takes a sixth of what samples may take
  const { reason, maxRows } = await warmUpOf(aboveAll, () => (now += 50))

  expect({ reason, maxRows }).toEqual({ reason: null, maxRows: 64 })
})

test('how many rows share a run follows from the time of a run, unless that is the affair of whoever asks', async () => {
  let now = 0
  const slowCore = () => (now += 600)
  const squares = buildOnnx({
    inputs: [{ name: 'x', type: 'float32', shape: ['N', 1] }],
    nodes: [{ op: 'Mul', inputs: ['x', 'x'], outputs: ['y'] }],
    outputs: [{ name: 'y', type: 'float32', shape: ['N', 1] }],
  })

  const timed = await warmUpOf(squares, slowCore)
  const untimed = await warmUpOf(squares, slowCore, { largestRunMs: Infinity })

  expect(timed.maxRows).toBe(8)
  expect(untimed.maxRows).toBe(64)
})

test('what lies along the first axis are no rows where copies of one get different answers', async () => {
  const { probe, reason } = await warmUpOf(diagonal, () => 0)

  expect(probe.layout.axis).toBe('none')
  expect(reason).toBe('its first axis is not one of rows: copies of one row get different answers in one run')
})

/** Throws on everything: Mod of floats asks for an attribute that it lacks. */
const throwing = (rows: number | string) =>
  buildOnnx({
    inputs: [{ name: 'x', type: 'float32', shape: [rows, 3] }],
    nodes: [{ op: 'Mod', inputs: ['x', 'x'], outputs: ['y'] }],
    outputs: [{ name: 'y', type: 'float32', shape: [rows, 3] }],
  })

test.each([
  ['N', 'free'],
  [1, 'fixed'],
  [4, 'none'],
])(
  'where nothing could be run a first axis of length %s is %s: several rows would have to be proven',
  async (rows, axis) => {
    const { probe, samples } = await warmUpOf(throwing(rows), () => 0)

    expect(samples).toEqual([])
    expect(probe.layout.axis).toBe(axis)
  },
)

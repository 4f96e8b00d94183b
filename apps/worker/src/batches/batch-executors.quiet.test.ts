import { join } from 'node:path'
import { InvalidFile } from '@onqueue/shared/rows'
import { expect, test, vi } from 'vitest'
import type { PlanStep } from '../executor/batch/plan-file.ts'
import { openModel, scoreText } from '../executor/batch/score-model.fixture.ts'
import { findDefinition, openBatches } from './batch.fixture.ts'
import {
  irisLines,
  isAlive,
  lines,
  open,
  parse,
  pidsOf,
  slowLines,
  untilPartHasBytes,
} from './opened-batches.fixture.ts'

test('a chunk gets the bytes that it gets in one process', async () => {
  const batches = await open()
  const iris = await findDefinition('iris')
  const input = irisLines(3000) + '{"features":[1]}\n'

  const scored = await batches.score(iris, await batches.put(input))

  const direct = await scoreText(await openModel('models/iris'), input)
  expect(scored.output).toBe(direct.output)
  expect(parse(scored.errors)).toEqual(direct.errors)
  expect(scored.score).toEqual(direct.score)
  expect(await batches.incoming()).toEqual([])
})

test('where no row fails there are no errors', async () => {
  const batches = await open()

  const scored = await batches.score(await findDefinition('iris'), await batches.put(irisLines(10)))

  expect(scored.score).toMatchObject({ rows: 10, failed: 0, errorBytes: 0 })
  expect(scored.errors).toBeUndefined()
})

test('a file is planned, and its chunks together are the file scored at once', async () => {
  const batches = await open()
  const iris = await findDefinition('iris')
  const input = irisLines(80_000)
  const file = await batches.put(input)

  const steps = await batches.plan(iris, file)
  const chunks = steps.flatMap((step) => step.chunks)
  const parts = await Promise.all(chunks.map((chunk) => batches.score(iris, file, { chunk })))

  const direct = await scoreText(await openModel('models/iris'), input)
  expect(chunks.length).toBeGreaterThan(2)
  expect(steps.at(-1)).toMatchObject({ isLast: true, headerBytes: 0 })
  expect(await batches.storage.size('batches/b/header')).toBeUndefined()
  expect(parts.map(({ output }) => output).join('')).toBe(direct.output)
})

test('the output of CSV begins with its header, and chunks have rows only', async () => {
  const batches = await open()
  const model = await findDefinition('two-inputs')
  const file = await batches.put('\uFEFFa.0,note,a.1,b,key\n0.5,x,1,10,first\n1,y,2,3,second\n', {
    inputFormat: 'csv',
    outputFormat: 'csv',
    idColumn: 'key',
  })

  const [step, ...others] = await batches.plan(model, file)
  const scored = await batches.score(model, file, step?.chunks[0] ? { chunk: step.chunks[0] } : {})

  expect(others).toEqual([])
  expect(step).toMatchObject({ isLast: true, headerBytes: 32, cursor: { chunk: 1, row: 2, line: 4 } })
  expect(await batches.read('batches/b/header')).toBe('row,id,total,doubled,error_code\n')
  expect(scored.output).toBe('0,first,11.5,20,\n1,second,6,6,\n')
})

test('a plan goes on where another one was left', async () => {
  const batches = await open()
  const iris = await findDefinition('iris')
  const file = await batches.put(irisLines(40_000))
  const whole = (await batches.plan(iris, file)).flatMap(({ chunks }) => chunks)
  const [first, ...rest] = whole
  if (!first) throw new Error('nothing was planned')

  const cursor = { chunk: 1, offset: first.length, row: first.rows, line: first.rows + 1 }
  const steps = await batches.plan(iris, file, { cursor })

  expect(steps.flatMap(({ chunks }) => chunks)).toEqual(rest)
  expect(steps.at(-1)?.cursor).toMatchObject({ chunk: whole.length, row: 40_000 })
})

test('a file is cut as it was before where it is known what a row took then', async () => {
  const batches = await open()
  const iris = await findDefinition('iris')
  const file = await batches.put(irisLines(1000))
  const rowsOf = (steps: PlanStep[]) => steps.flatMap(({ chunks }) => chunks.map(({ rows }) => rows))

  const measured = await batches.plan(iris, file)
  const told = await batches.plan(iris, file, { rowMs: 2.5 })

  expect(rowsOf(measured)).toEqual([1000])
  expect(measured[0]?.rowMs).toBeLessThan(1)
  expect(rowsOf(told)).toEqual([400, 400, 200])
  expect(told[0]?.rowMs).toBe(2.5)
})

test('a plan that is not wanted any more ends, and its executor is of use', async () => {
  const batches = await open({ mostExecutors: 1 })
  const slow = await findDefinition('slow')
  const file = await batches.put(slowLines(...Array.from({ length: 1000 }, () => 0)), { microBatchRows: 1 })
  const asked: number[] = []

  await batches.plan(slow, file, {
    onPlanned: async ({ chunks }) => {
      asked.push(chunks.length)
      return false
    },
  })

  const [pid] = await pidsOf(batches)
  expect(asked).toHaveLength(1)
  expect((await batches.score(slow, file)).score.rows).toBe(1000)
  expect(await pidsOf(batches)).toEqual([pid])
})

test('what is thrown while chunks are kept ends the plan', async () => {
  const batches = await open()
  const iris = await findDefinition('iris')
  const onPlanned = () => Promise.reject(new Error('Redis is away'))

  await expect(batches.plan(iris, await batches.put(irisLines(10)), { onPlanned })).rejects.toThrow(
    'Redis is away',
  )
})

test('a planner that is killed is followed by one that goes on behind what was taken', async () => {
  const batches = await open()
  const chunkRows = 65_536
  const file = await batches.put('1\n'.repeat(210 * chunkRows))
  const firstRows: number[] = []
  const steps: boolean[] = []

  await batches.plan(await findDefinition('iris'), file, {
    rowMs: 0.001,
    onPlanned: async ({ chunks, isLast, rowMs }) => {
      expect(rowMs).toBe(0.001)
      const [pid = 0] = await pidsOf(batches)
      if (steps.length === 0) process.kill(pid, 'SIGKILL')
      await expect.poll(() => isAlive(pid) && steps.length === 0).toBe(false)
      firstRows.push(...chunks.map(({ firstRow }) => firstRow))
      steps.push(isLast)
      return true
    },
  })

  expect(steps.length).toBeGreaterThan(1)
  expect(steps.indexOf(true)).toBe(steps.length - 1)
  expect(firstRows).toEqual(Array.from({ length: 210 }, (_, chunk) => chunk * chunkRows))
})

test('a file that can not be read is said so when it is planned', async () => {
  const batches = await open()
  const iris = await findDefinition('iris')
  const csv = { inputFormat: 'csv' } as const
  const failure = async (text: string) =>
    batches.plan(iris, await batches.put(text, csv)).catch((err: unknown) => err)

  const lacks = await failure('a,b\n1,2\n')
  const openQuote = await failure('sepal_length,sepal_width,petal_length,petal_width\n1,2,3,"4\n')

  expect(lacks).toBeInstanceOf(InvalidFile)
  expect(lacks).toMatchObject({ message: expect.stringMatching('^its header lacks ') })
  expect(openQuote).toMatchObject({ message: expect.stringMatching('^the quote opened in line 2 is never') })
})

test.skipIf(process.arch !== 'x64')(
  'rows that crash their executor are convicted, and all others get what they get without them',
  async () => {
    const batches = await open({ mostExecutors: 1 })
    const warn = vi.spyOn(batches.log, 'warn')
    const values = Array.from({ length: 3000 }, (_, row) => row % 900)
    const bad = new Map([
      [10, 999],
      [2000, 999],
      [2500, 1000],
    ])
    const file = await batches.put(lines(values.map((value, row) => ({ i: bad.get(row) ?? value }))))

    const scored = await batches.score(await findDefinition('crashes'), file)

    expect(scored.convictions).toEqual([
      [10, 'executor_crashed'],
      [2000, 'executor_crashed'],
    ])
    expect(scored.score).toMatchObject({ rows: 3000, failed: 3 })
    expect(parse(scored.errors)).toMatchObject([
      { row: 10, code: 'executor_crashed' },
      { row: 2000, code: 'executor_crashed' },
      { row: 2500, code: 'inference_failed' },
    ])
    const outputs = parse(scored.output)
    expect(outputs.filter((_, row) => !bad.has(row))).toEqual(
      values.map((y, row) => ({ row, y })).filter(({ row }) => !bad.has(row)),
    )
    // three for each
    expect(warn).toHaveBeenCalledTimes(6)
    expect(warn.mock.calls).toEqual(
      Array(6).fill([expect.objectContaining({ restartInMs: 0 }), expect.anything()]),
    )
  },
)

test.skipIf(process.arch !== 'x64')('a row that was convicted elsewhere ends no executor here', async () => {
  const batches = await open()
  const warn = vi.spyOn(batches.log, 'warn')
  const file = await batches.put(lines([{ i: 1 }, { i: 999 }]))

  const scored = await batches.score(await findDefinition('crashes'), file, {
    convicted: new Map([[1, 'executor_crashed']]),
  })

  expect(scored).toMatchObject({ score: { rows: 2, failed: 1 }, convictions: [] })
  expect(warn).not.toHaveBeenCalled()
})

test('a row that computes for longer than timeout_s is convicted', async () => {
  const batches = await open()
  const file = await batches.put(slowLines(10, 20_000, 20))

  const scored = await batches.score(await findDefinition('slow'), file)

  expect(scored.convictions).toEqual([[1, 'timed_out']])
  expect(parse(scored.errors)).toMatchObject([{ row: 1, code: 'timed_out' }])
  expect(parse(scored.output)).toEqual([
    { row: 0, y: 10 },
    { row: 1, y: null, error_code: 'timed_out' },
    { row: 2, y: 20 },
  ])
})

test('a kill in the middle of a part costs time, and not a byte', async () => {
  const batches = await open()
  const slow = await findDefinition('slow')
  const file = await batches.put(slowLines(...Array.from({ length: 20 }, () => 100)), { microBatchRows: 1 })
  const undisturbed = await batches.score(slow, file)
  const disturbed = batches.score(slow, file)
  await untilPartHasBytes(batches)
  const left = await batches.incoming()

  for (const pid of await pidsOf(batches)) process.kill(pid, 'SIGKILL')

  const { score, output, convictions } = await disturbed
  expect({ score, output, convictions }).toEqual({
    score: undisturbed.score,
    output: undisturbed.output,
    convictions: [],
  })
  // what the killed one left is for the storage's sweep
  expect(left).toHaveLength(1)
  expect(await batches.incoming()).toEqual(left)
})

test('three kills in one chunk do not cost a byte either', async () => {
  const batches = await open()
  const iris = await findDefinition('iris')
  const file = await batches.put(irisLines(100_000))
  const undisturbed = await batches.score(iris, file)
  const disturbed = batches.score(iris, file)

  for (const kills of [1, 2, 3]) {
    // each leaves what it was writing
    await expect.poll(async () => (await batches.incoming()).length, { timeout: 20_000 }).toBe(kills)
    for (const pid of await pidsOf(batches)) process.kill(pid, 'SIGKILL')
  }

  const { score, output, convictions } = await disturbed
  expect(convictions).toEqual([])
  expect(score).toEqual(undisturbed.score)
  expect(output === undisturbed.output).toBe(true)
})

test('a chunk that is not wanted any more stops between micro-batches, and leaves nothing', async () => {
  const batches = await open()
  const slow = await findDefinition('slow')
  const file = await batches.put(slowLines(...Array.from({ length: 1000 }, () => 10)), { microBatchRows: 1 })
  const giveUp = new AbortController()
  const outputName = 'batches/b/out/stopped'
  const scoring = batches.score(slow, file, { signal: giveUp.signal, outputName })
  await untilPartHasBytes(batches)
  const pids = await pidsOf(batches)

  giveUp.abort(new Error('it was canceled'))

  await expect(scoring).rejects.toThrow('it was canceled')
  expect(await batches.incoming()).toEqual([])
  expect(await batches.storage.size(outputName)).toBeUndefined()
  expect(await pidsOf(batches)).toEqual(pids)
})

test('one that does not stop is ended', async () => {
  const batches = await open()
  const slow = await findDefinition('slow', { timeout_s: 60 })
  const file = await batches.put(slowLines(1, 60_000), { microBatchRows: 1 })
  const giveUp = new AbortController()
  const scoring = batches.score(slow, file, { signal: giveUp.signal })
  await untilPartHasBytes(batches)
  const [pid = 0] = await pidsOf(batches)

  giveUp.abort(new Error('it was canceled'))

  await expect(scoring).rejects.toThrow('it was canceled')
  expect(isAlive(pid)).toBe(false)
  expect(await pidsOf(batches)).toEqual([])
})

test('a version has as many executors as it has chunks at once, and no more than there may be', async () => {
  const batches = await open({ mostExecutors: 2 })
  const iris = await findDefinition('iris')
  const file = await batches.put(irisLines(1000))

  await Promise.all([1, 2, 3, 4].map(() => batches.score(iris, file)))

  const executors = await batches.executors.executors()
  expect(executors).toMatchObject([
    { model: 'iris', version: '1', cpuMs: expect.any(Number) },
    { model: 'iris', version: '1', cpuMs: expect.any(Number) },
  ])
  expect(executors.reduce((sum, { rows }) => sum + rows, 0)).toBe(4000)
})

test('the executor that was not used for longest goes when another version needs its place', async () => {
  const batches = await open({ mostExecutors: 2 })
  const models = async () => (await batches.executors.executors()).map(({ model }) => model)
  const use = async (name: string, input: string) =>
    batches.score(await findDefinition(name), await batches.put(input))

  await use('echo', '{"x":[1]}\n')
  await use('throws', '{"i":1}\n')
  const [, second] = await pidsOf(batches)
  await use('echo', '{"x":[1]}\n')
  await use('crashes', '{"i":1}\n')

  expect(await models()).toEqual(['echo', 'crashes'])
  expect(isAlive(second ?? 0)).toBe(false)
})

test('whoever finds no executor waits for a turn, and may leave before', async () => {
  const batches = await open({ mostExecutors: 1 })
  const ended: string[] = []
  const use = async (name: string, input: string, signal = new AbortController().signal) => {
    const definition = await findDefinition(name)
    const file = await batches.put(input)
    return { done: batches.score(definition, file, { signal }).finally(() => ended.push(name)) }
  }
  const leaving = new AbortController()
  const first = await use('slow', slowLines(300))
  const left = await use('echo', '{"x":[1]}\n', leaving.signal)
  const second = await use('throws', '{"i":1}\n')
  const third = await use('crashes', '{"i":1}\n')

  leaving.abort(new Error('it was canceled'))

  await expect(left.done).rejects.toThrow('it was canceled')
  await Promise.all([first.done, second.done, third.done])
  expect(ended).toEqual(['echo', 'slow', 'throws', 'crashes'])
})

test('an executor that is not used for a while ends', async () => {
  const batches = await open({ idleMs: 50 })
  const scoring = batches.score(await findDefinition('echo'), await batches.put('{"x":[1]}\n'))
  await expect.poll(() => pidsOf(batches)).toHaveLength(1)
  const [pid = 0] = await pidsOf(batches)
  await scoring

  await expect.poll(() => isAlive(pid)).toBe(false)

  expect(await pidsOf(batches)).toEqual([])
})

test('a version that can not be loaded is told about, and leaves no executor', async () => {
  const batches = await open()
  const iris = await findDefinition('iris')
  const gone = { ...iris, onnxPath: join(iris.dir, 'gone.onnx') }

  await expect(batches.score(gone, await batches.put(irisLines(1)))).rejects.toMatchObject({
    name: 'VersionRefused',
    message: expect.stringMatching("^model.onnx can't be read: ENOENT"),
  })
  expect(await pidsOf(batches)).toEqual([])
})

test('a file that is not in the storage is the storage’s fault', async () => {
  const batches = await open()
  const file = await batches.put(irisLines(1))
  await batches.storage.remove('batches/')

  await expect(batches.score(await findDefinition('iris'), file)).rejects.toMatchObject({
    name: 'AppError',
    code: 'storage_unavailable',
  })
})

test('rows run together as far as it is proven, and as far as the batch says', async () => {
  const batches = await open()
  const leak = await findDefinition('echo')
  const onnxPath = join(leak.dir, '../../models-as-exported/leak-beyond-the-proof/model.onnx')
  const rows = Array.from({ length: 100 }, (_, row) => ({ x: [row, 2 * row] }))

  const scored = await batches.score({ ...leak, onnxPath }, await batches.put(lines(rows)))

  expect(parse(scored.output)).toEqual(rows.map(({ x }, row) => ({ row, y: x })))
})

test('with close all ends, also what is under way or waits', async () => {
  const batches = await openBatches({ mostExecutors: 1 })
  const slow = await findDefinition('slow')
  const file = await batches.put(slowLines(...Array.from({ length: 1000 }, () => 100)), { microBatchRows: 1 })
  const calls = Promise.allSettled([batches.score(slow, file), batches.plan(slow, file)])
  await untilPartHasBytes(batches)
  const pids = await pidsOf(batches)

  await batches.close()

  expect(await calls).toMatchObject([
    { reason: { message: 'the worker ends' } },
    { reason: { message: 'the worker ends' } },
  ])
  expect(pids.map(isAlive)).toEqual([false])
})

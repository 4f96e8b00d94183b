import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { inParallel } from '../support/in-parallel.ts'
import { allExecutorsOf, isRunning, signalAll } from '../support/processes.ts'
import { startStack, testModel } from '../support/stack.ts'
import type { Stack, StackProcess } from '../support/stack.ts'

/** `slow` as anybody would have it, whose rows may hang. */
const hasty = { name: 'hasty', of: 'slow', settings: 'timeout_s: 1\nexample: { n: [1] }\n' }
const names = ['throws', 'two-inputs', 'crashes', 'echo', 'texts', 'nan-out']

let stack: Stack
let worker: StackProcess

beforeAll(async () => {
  stack = await startStack({
    models: [...names.map(testModel), hasty],
    environment: { ONQUEUE_OWN_EXECUTORS: '0', ONQUEUE_CORES: '1' },
  })
  const [only] = stack.workers
  if (!only) throw new Error('the stack has no worker')
  worker = only
})
afterAll(() => stack.close())

/** A row of a mate of those that end the executor, and what it answers. */
const mates: { model: string; input: (index: number) => object; output: (index: number) => object }[] = [
  {
    model: 'throws',
    input: (index) => ({ i: index % 10 }),
    output: (index) => ({ value: (index % 10) * 10 }),
  },
  {
    model: 'two-inputs',
    input: (index) => ({ a: [index, 0.5], b: index }),
    output: (index) => ({ total: 2 * index + 0.5, doubled: 2 * index }),
  },
  { model: 'echo', input: (index) => ({ x: [index, 1] }), output: (index) => ({ y: [index, 1] }) },
  { model: 'texts', input: (index) => ({ x: [`t${index}`] }), output: (index) => ({ y: [`t${index}`] }) },
]

const submit = async (model: string, input: unknown) => {
  const answer = await stack.client.submit(model, input)
  expect(answer).toMatchObject({ status: 202 })
  return String(answer.body.id)
}

/** Submits 25 predictions to each of the mates; `end` resolves when all of them are as they should be. */
const submitToMates = async () => {
  const cases = mates.flatMap(({ model, input, output }) =>
    Array.from({ length: 25 }, (_, index) => ({ model, input: input(index), output: output(index) })),
  )
  const ids = await inParallel(cases.length, 20, (index) =>
    submit(cases[index]?.model ?? '', cases[index]?.input),
  )
  return {
    end: async () => {
      const ended = await Promise.all(ids.map(async (id) => (await stack.client.untilFinal(id)).body))
      expect(ended).toMatchObject(cases.map(({ output }) => ({ status: 'succeeded', output, error: null })))
    },
  }
}

test('all models share one executor, and each answers for itself', async () => {
  expect((await allExecutorsOf(worker.pid)).length).toBe(1)

  const submitted = await submitToMates()

  await submitted.end()
  const { text } = await stack.client.call('GET', '/v1/models')
  expect(text).not.toMatch(/"status":"(?!ready)/)
})

test('an executor that is killed again and again under load costs no prediction of any model', async () => {
  for (let kill = 0; kill < 4; kill += 1) {
    const [executor = 0] = await allExecutorsOf(worker.pid)
    const submitted = await submitToMates()
    signalAll([executor], 'SIGKILL')
    await submitted.end()
    // as soon as there is another one
    await vi.waitFor(
      async () => {
        expect(await allExecutorsOf(worker.pid)).not.toContain(executor)
        expect((await allExecutorsOf(worker.pid)).length).toBeGreaterThan(0)
      },
      { timeout: 20_000, interval: 20 },
    )
  }
  expect(isRunning(worker.pid)).toBe(true)
})

test('a row that hangs fails with timed_out; what others submitted meanwhile succeeds', async () => {
  const hung = await submit('hasty', { n: [20_000] })
  const submitted = await submitToMates()

  await submitted.end()
  expect((await stack.client.untilFinal(hung)).body).toMatchObject({
    status: 'failed',
    error: { code: 'timed_out', detail: expect.stringContaining('did not finish within 1 s') },
  })
})

// the input that raises SIGFPE does so on x86 only
test.skipIf(process.arch !== 'x64')(
  'a row that crashes every executor fails with executor_crashed, its model goes to an executor of its own, and no other loses anything',
  async () => {
    const crashing = await submit('crashes', { i: 999 })
    const submitted = await submitToMates()

    await submitted.end()
    expect((await stack.client.untilFinal(crashing)).body).toMatchObject({
      status: 'failed',
      error: { code: 'executor_crashed' },
    })
    expect((await stack.client.predict('crashes', { i: 7 })).body).toEqual({ y: 7 })
    expect(worker.log()).toContain(
      '"model":"crashes","version":"1","reason":"its executor ended in its runs"',
    )
    expect((await allExecutorsOf(worker.pid)).length).toBeGreaterThan(1)
  },
)

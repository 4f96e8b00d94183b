import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { submitInForm } from '../support/forms.ts'
import { executorsOf, isRunning, signalAll } from '../support/processes.ts'
import { startStack, testModel } from '../support/stack.ts'
import type { Stack, StackProcess } from '../support/stack.ts'

// `slow` with one executor, and with more or less patience
const patient = {
  name: 'patient',
  of: 'slow',
  settings: 'instances: 1\ntimeout_s: 30\nexample: { n: [1] }\n',
}
const hasty = { name: 'hasty', of: 'slow', settings: 'instances: 1\ntimeout_s: 1\nexample: { n: [1] }\n' }

let stack: Stack
let worker: StackProcess

beforeAll(async () => {
  stack = await startStack({ models: [testModel('throws'), testModel('crashes'), patient, hasty] })
  const [only] = stack.workers
  if (!only) throw new Error('the stack has no worker')
  worker = only
})
afterAll(() => stack.close())

const submitAll = async (model: string, inputs: unknown[]) => {
  const companion = model === 'throws' || model === 'crashes' ? { i: 1 } : { n: [1] }
  const asked = inputs.map((input) => ({ input }))
  // a worker holds 17 packs before the first has ended
  return (await submitInForm(stack, model, asked, { companion, most: 16 })).ids
}

const untilFinal = (ids: string[]) =>
  Promise.all(ids.map(async (id) => (await stack.client.untilFinal(id)).body))

/** With frozen executors rows pile up in the worker, so that those who come later share a micro-batch. */
const withFrozenExecutors = async <Result>(model: string, body: () => Promise<Result>) => {
  const executors = await executorsOf(worker.pid, model)
  expect(executors.length).toBe(1)
  signalAll(executors, 'SIGSTOP')
  try {
    return await body()
  } finally {
    signalAll(executors, 'SIGCONT')
  }
}

const expectWorkerSurvived = async () => {
  expect(isRunning(worker.pid)).toBe(true)
  expect((await fetch(`${worker.url}/livez`)).status).toBe(200)
}

const succeeded = (output: unknown) => ({ status: 'succeeded', output, error: null })

test('of 200 predictions, only the one on which ONNX Runtime throws fails', async () => {
  const inputs = Array.from({ length: 200 }, (_, index) => ({ i: index === 137 ? 99 : index % 10 }))
  const ids = await withFrozenExecutors('throws', async () => {
    const submitted = await submitAll('throws', inputs)
    await Promise.all(submitted.map(stack.client.untilTaken))
    return submitted
  })

  const ended = await untilFinal(ids)

  const [guilty] = ended.splice(137, 1)
  expect(guilty).toMatchObject({
    status: 'failed',
    output: null,
    error: {
      code: 'inference_failed',
      detail: expect.stringContaining('indices element out of data bounds'),
    },
  })
  const values = [0, 10, 20, 30, 40, 50, 60, 70, 80, 90]
  const mates = inputs.toSpliced(137, 1)
  expect(ended).toMatchObject(mates.map(({ i }) => succeeded({ value: values[i] })))
  await expectWorkerSurvived()
})

test('executors that are killed in mid-batch, and again while the rows run alone, cost no prediction', async () => {
  const died = () => [...worker.log().matchAll(/"model":"patient".*executor died/g)].length
  const successor = () =>
    /"model":"patient","pid":(\d+),"msg":"executor started again"/.exec(worker.log())?.[1]
  const rows = [800, 1, 2].map((n) => ({ n: [n] }))
  const ids = await withFrozenExecutors('patient', async () => {
    // the rows of an array run together
    const submitted = await submitAll('patient', [rows, { n: [3] }, { n: [4] }])
    await Promise.all(submitted.map(stack.client.untilTaken))
    signalAll(await executorsOf(worker.pid, 'patient'), 'SIGKILL')
    return submitted
  })
  await vi.waitFor(() => expect(successor()).toBeDefined(), { timeout: 10_000, interval: 10 })
  process.kill(Number(successor()), 'SIGKILL')
  const ended = await untilFinal(ids)

  expect(died()).toBe(2)
  expect(ended).toMatchObject([
    succeeded([{ y: 800 }, { y: 1 }, { y: 2 }]),
    succeeded({ y: 3 }),
    succeeded({ y: 4 }),
  ])
  await expectWorkerSurvived()
})

test('a row that hangs fails with timed_out, and its mates succeed', async () => {
  const times = [1, 2, 3, 20_000, 4, 5, 6]
  const ids = await withFrozenExecutors('hasty', () =>
    submitAll(
      'hasty',
      times.map((n) => ({ n: [n] })),
    ),
  )

  const ended = await untilFinal(ids)

  const [hung] = ended.splice(3, 1)
  expect(hung).toMatchObject({
    status: 'failed',
    output: null,
    error: { code: 'timed_out', detail: expect.stringContaining('did not finish within 1 s') },
  })
  expect(ended).toMatchObject([1, 2, 3, 4, 5, 6].map((n) => succeeded({ y: n })))
  await expectWorkerSurvived()
})

// the input that raises SIGFPE does so on x86 only
const testOnX86 = test.skipIf(process.arch !== 'x64')

testOnX86(
  'a row that crashes its executor every time fails with executor_crashed, and its mates succeed',
  async () => {
    const inputs = Array.from({ length: 30 }, (_, index) => ({ i: index === 17 ? 999 : index }))
    const ids = await withFrozenExecutors('crashes', async () => {
      const submitted = await submitAll('crashes', inputs)
      await Promise.all(submitted.map(stack.client.untilTaken))
      return submitted
    })

    const ended = await untilFinal(ids)

    const [guilty] = ended.splice(17, 1)
    expect(guilty).toMatchObject({ status: 'failed', output: null, error: { code: 'executor_crashed' } })
    expect(ended).toMatchObject(inputs.toSpliced(17, 1).map(({ i }) => succeeded({ y: i })))
    expect((await stack.client.predict('crashes', { i: 7 })).body).toEqual({ y: 7 })
    await expectWorkerSurvived()
  },
)

test('the outputs of an array are in the order of its rows', async () => {
  const rows = Array.from({ length: 1000 }, (_, index) => ({ i: (index * 7) % 10 }))

  const { body } = await stack.client.submit('throws', rows)
  const [ended] = await untilFinal([String(body.id)])

  expect(ended).toMatchObject(succeeded(rows.map(({ i }) => ({ value: 10 * i }))))
})

testOnX86(
  'rows of an array that fail leave the others in place, and the error says which and why',
  async () => {
    const ids = await submitAll('crashes', [[{ i: 5 }, { i: 999 }, { i: 6 }, { i: 1000 }, { i: 7 }]])

    const [ended] = await untilFinal(ids)

    expect(ended).toMatchObject({
      status: 'failed',
      output: [{ y: 5 }, null, { y: 6 }, null, { y: 7 }],
      error: {
        code: 'rows_failed',
        detail: '2 of 5 rows failed; "rows" says which and why',
        rows: [
          { row: 1, code: 'executor_crashed', detail: expect.stringContaining('ended its executor twice') },
          { row: 3, code: 'inference_failed', detail: expect.stringContaining('modulo by zero') },
        ],
      },
    })
    await expectWorkerSurvived()
  },
)

import { setTimeout as wait } from 'node:timers/promises'
import { afterAll, beforeAll, expect, onTestFinished, test, vi } from 'vitest'
import { submitInForm } from '../support/forms.ts'
import { readMetric } from '../support/metrics.ts'
import { allExecutorsOf, signalAll } from '../support/processes.ts'
import { startStack } from '../support/stack.ts'
import type { Stack, StackProcess } from '../support/stack.ts'

/** Executors that die while they load their model, as by the system when memory is short. */
let stack: Stack

beforeAll(async () => {
  stack = await startStack({ models: [], workers: 0 })
})
afterAll(() => stack.close())

const modelNamed = (name: string) =>
  stack.modelsFolder([
    {
      name,
      of: 'slow',
      settings: 'instances: 1\ntimeout_s: 60\nbatching: { max_rows: 1 }\nexample: { n: [1] }\n',
    },
  ])

/** Ends every executor of a worker as soon as it is there, until it is told to stop. */
const killAllExecutorsOf = (worker: StackProcess) => {
  let isOver = false
  const killing = (async () => {
    while (!isOver) {
      signalAll(await allExecutorsOf(worker.pid), 'SIGKILL')
      // to load takes ten times as long, and to list all processes is not cheap
      await wait(20)
    }
  })()
  const stop = async () => {
    isOver = true
    await killing
  }
  onTestFinished(stop)
  return { stop }
}

const submitAll = async (model: string, times: number[], fields: { cancelAfterMs?: number } = {}) => {
  const asked = times.map((n) => ({ input: { n: [n] }, ...fields }))
  return (await submitInForm(stack, model, asked, { companion: { n: [1] } })).ids
}

const statusOf = async (id: string) => (await stack.client.get(`/v1/predictions/${id}`)).body.status

test(
  'what a lost worker held waits visibly while the next can not load the model, and runs when it can',
  { timeout: 90_000 },
  async () => {
    const environment = { ONQUEUE_MODELS_DIR: await modelNamed('starved') }
    const lost = await stack.startWorker(environment)
    await stack.client.untilServed('starved')
    const held = await submitAll('starved', [1500, 2, 3, 4])
    await Promise.all(held.map(stack.client.untilTaken))
    await lost.stop('SIGKILL')
    const next = await stack.startWorker(environment)
    const killer = killAllExecutorsOf(next)

    const card = await vi.waitFor(
      async () => {
        const { body } = await stack.client.get('/v1/models/starved')
        // after five tries nobody should wait for the next one
        expect(body).toMatchObject({ status: 'unavailable', reason: expect.stringContaining('in a row') })
        return body
      },
      { timeout: 30_000, interval: 50 },
    )
    const now = await stack.client.predict('starved', { n: [1] })
    const [later = ''] = await submitAll('starved', [5])
    const [brief = ''] = await submitAll('starved', [6], { cancelAfterMs: 500 })
    const canceled = await stack.client.call('POST', `/v1/predictions/${held[3]}/cancel`)
    const expired = await stack.client.untilFinal(brief)
    // the locks of the lost worker have run out, and it was looked for jobs without one twice
    await vi.waitFor(
      async () =>
        expect(await Promise.all([...held.slice(0, 3), later].map(statusOf))).toEqual(
          Array(4).fill('queued'),
        ),
      { timeout: 45_000, interval: 250 },
    )

    expect(card.reason).toMatch(/^its executor was ended by SIGKILL \(the system does that/)
    expect(now).toMatchObject({ status: 503, body: { code: 'model_unavailable' } })
    expect(now.body.detail).toContain('was ended by SIGKILL')
    expect(canceled.body.status).toBe('canceled')
    expect(expired.body.status).toBe('expired')
    expect(
      await readMetric(next, 'onqueue_executor_restarts_total', { cause: 'load_failed' }),
    ).toBeGreaterThan(1)

    await killer.stop()
    const ended = await Promise.all([...held.slice(0, 3), later].map((id) => stack.client.untilFinal(id)))

    expect(ended).toMatchObject(
      [1500, 2, 3, 5].map((n) => ({ body: { status: 'succeeded', output: { y: n } } })),
    )
    expect((await stack.client.get('/v1/models/starved')).body).toMatchObject({ status: 'ready' })
    expect(await statusOf(String(held[3]))).toBe('canceled')
  },
)

test('a model that was never loaded is told so with why, and is served by the same worker in the end', async () => {
  const worker = await stack.startWorker({ ONQUEUE_MODELS_DIR: await modelNamed('hungry') })
  const killer = killAllExecutorsOf(worker)

  const refused = await vi.waitFor(
    async () => {
      const answer = await stack.client.submit('hungry', { n: [1] })
      expect(answer.body.detail).toContain('was ended by SIGKILL')
      return answer
    },
    { timeout: 20_000, interval: 50 },
  )
  await killer.stop()
  await stack.client.untilServed('hungry')

  expect(refused).toMatchObject({ status: 503, body: { code: 'model_unavailable' } })
  expect(refused.headers.get('retry-after')).toBe('10')
  expect((await stack.client.predict('hungry', { n: [7] })).body).toEqual({ y: 7 })
})

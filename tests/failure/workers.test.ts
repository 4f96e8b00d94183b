import { modelKeys } from '@onqueue/shared'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { form, submitInForm } from '../support/forms.ts'
import { readMetric } from '../support/metrics.ts'
import { executorsOf, untilGone } from '../support/processes.ts'
import { startStack } from '../support/stack.ts'
import type { Stack, StackProcess } from '../support/stack.ts'

/**
 * One API for the file; each test has a model and workers of its own.
 *
 * The first three tests wait for a lock to run out (15 s) and for the check that finds it (5 s), so they run side by
 * side.
 */
let stack: Stack

beforeAll(async () => {
  stack = await startStack({ models: [], workers: 0 })
})
afterAll(() => stack.close())

/** `slow` under a name of its own, with one executor that runs one row at a time. */
const slowModel = (name: string, exampleMs = 1) => ({
  name,
  of: 'slow',
  settings: `instances: 1\ntimeout_s: 60\nbatching: { max_rows: 1 }\nexample: { n: [${exampleMs}] }\n`,
})

/** Starts workers for one model. */
const hireFor = async (model: ReturnType<typeof slowModel>) => {
  const folder = await stack.modelsFolder([model])
  return (environment: Record<string, string> = {}) =>
    stack.startWorker({ ONQUEUE_MODELS_DIR: folder, ...environment })
}

const submitAll = (model: string, times: number[]) =>
  Promise.all(times.map(async (n) => String((await stack.client.submit(model, { n: [n] })).body.id)))

const poll = async (id: string) => {
  const { status, headers, body } = await stack.client.get(`/v1/predictions/${id}`)
  return { status, etag: headers.get('etag'), body }
}
const pollAll = (ids: string[]) => Promise.all(ids.map(poll))
const untilFinal = (ids: string[]) => Promise.all(ids.map((id) => stack.client.untilFinal(id)))

const countEnded = (worker: StackProcess) => readMetric(worker, 'onqueue_predictions_total')

const succeeded = (n: number) => ({ body: { status: 'succeeded', output: { y: n }, error: null } })

// packs.full.test.ts has the same with packs
describe.runIf(form === 'alone').concurrent('a worker that is lost', () => {
  test('frozen past its lock and woken, it changes no final result', { timeout: 60_000 }, async () => {
    const hire = await hireFor(slowModel('frozen'))
    const sleeper = await hire()
    await stack.client.untilServed('frozen')
    const ids = await submitAll('frozen', [800, 1, 2])
    await Promise.all(ids.map(stack.client.untilTaken))

    sleeper.signal('SIGSTOP')
    const other = await hire()
    await untilFinal(ids)
    const before = await pollAll(ids)
    sleeper.signal('SIGCONT')
    await vi.waitFor(
      async () => expect(await readMetric(sleeper, 'onqueue_predictions_in_hand')).toBe(0),
      10_000,
    )
    const after = await pollAll(ids)

    expect(before).toMatchObject([succeeded(800), succeeded(1), succeeded(2)])
    expect(after).toEqual(before)
    // both ran the first one, and the other one ended all three
    expect(await readMetric(sleeper, 'onqueue_micro_batch_rows_count')).toBeGreaterThan(0)
    expect(await readMetric(sleeper, 'onqueue_predictions_total')).toBe(0)
    expect(await readMetric(other, 'onqueue_predictions_total', { status: 'succeeded' })).toBe(3)
  })

  test(
    'killed, its executors are gone before their run would have ended, and another finishes',
    { timeout: 60_000 },
    async () => {
      const hire = await hireFor(slowModel('killed'))
      const victim = await hire()
      await stack.client.untilServed('killed')
      const ids = await submitAll('killed', [4000, 1, 2, 3, 4])
      await Promise.all(ids.map(stack.client.untilTaken))
      const executors = await executorsOf(victim.pid, 'killed')

      victim.signal('SIGKILL')
      await untilGone(executors, { withinMs: 3000 })
      await hire()
      const ended = await untilFinal(ids)

      expect(executors.length).toBe(1)
      expect(ended).toMatchObject([4000, 1, 2, 3, 4].map(succeeded))
    },
  )

  test(
    'lost between outcome and completion, its predictions are completed and not run again',
    { timeout: 60_000 },
    async () => {
      const hire = await hireFor(slowModel('cut-short'))
      // to complete a job is to take it off a list, and to write an outcome is not: what is taken from this user falls in between
      const user = `${stack.prefix}-worker`
      await stack.redis.call('ACL', 'SETUSER', user, 'on', '>secret', '~*', '&*', '+@all')
      const victim = await hire({
        REDIS_URL: Object.assign(new URL(stack.redisUrl), { username: user, password: 'secret' }).href,
      })
      await stack.client.untilServed('cut-short')
      const ids = await submitAll('cut-short', [700, 1, 2])
      await Promise.all(ids.map(stack.client.untilTaken))

      await stack.redis.call('ACL', 'SETUSER', user, '-lrem')
      await untilFinal(ids)
      const before = await pollAll(ids)
      const { queue } = modelKeys(stack.prefix, 'cut-short')
      const activeBefore = await stack.redis.llen(queue('active'))
      await victim.stop('SIGKILL')
      await stack.redis.call('ACL', 'DELUSER', user)
      const other = await hire()
      await vi.waitFor(async () => expect(await stack.redis.zcard(queue('completed'))).toBe(3), 30_000)

      expect(activeBefore).toBe(3)
      expect(before).toMatchObject([succeeded(700), succeeded(1), succeeded(2)])
      expect(await pollAll(ids)).toEqual(before)
      expect(await readMetric(other, 'onqueue_micro_batch_rows_count')).toBe(0)
    },
  )
})

test('two workers share a backlog evenly, though one of them was first at it', async () => {
  const hire = await hireFor(slowModel('shared', 20))
  const [first, second] = await Promise.all([hire(), hire()])
  await stack.client.untilServed('shared', { workers: 2 })

  for (const worker of [first, second]) worker.signal('SIGSTOP')
  const asked = Array.from({ length: 120 }, () => ({ input: { n: [20] } }))
  const { ids } = await submitInForm(stack, 'shared', asked, { companion: { n: [1] } })
  first.signal('SIGCONT')
  await vi.waitFor(async () => expect(await countEnded(first)).toBeGreaterThan(4), 10_000)
  second.signal('SIGCONT')
  const ended = await untilFinal(ids)

  expect(ended).toMatchObject(Array.from({ length: 120 }, () => succeeded(20)))
  const counts = await Promise.all([countEnded(first), countEnded(second)])
  expect(counts[0] + counts[1]).toBe(120)
  expect(Math.min(...counts)).toBeGreaterThanOrEqual(36)
})

test.runIf(form === 'alone')(
  'told to stop, a worker finishes what it can within its grace, and hands the rest back',
  async () => {
    const hire = await hireFor(slowModel('stopped'))
    const leaver = await hire({ ONQUEUE_WORKER_GRACE: '2s' })
    await stack.client.untilServed('stopped')
    const ids = await submitAll('stopped', [100])
    await Promise.all(ids.map(stack.client.untilTaken))
    ids.push(...(await submitAll('stopped', [3000, 1, 2, 3])))
    await Promise.all(ids.map(stack.client.untilTaken))
    const executors = await executorsOf(leaver.pid, 'stopped')

    leaver.signal('SIGTERM')
    const exitCode = await leaver.ended

    expect(exitCode).toBe(0)
    await untilGone(executors, { withinMs: 100 })
    // had it waited for longer than its grace, that of three seconds would have finished
    const [finished, ...handedBack] = await pollAll(ids)
    expect(finished).toMatchObject(succeeded(100))
    expect(handedBack).toMatchObject(
      Array.from({ length: 4 }, () => ({ body: { completed_at: null, error: null } })),
    )

    await hire()
    expect(await untilFinal(ids)).toMatchObject([100, 3000, 1, 2, 3].map(succeeded))
  },
)

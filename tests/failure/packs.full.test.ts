import { modelKeys } from '@onqueue/shared'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { createSweeper } from '../../apps/worker/src/upkeep/sweep.ts'
import { readMetric } from '../support/metrics.ts'
import { openPackIn } from '../support/open-pack.ts'
import { startStack } from '../support/stack.ts'
import type { Stack } from '../support/stack.ts'

/** Processes die and freeze with packs of eight in hand. Each test has a model and workers of its own. */
let stack: Stack

beforeAll(async () => {
  stack = await startStack({ models: [], workers: 0 })
})
afterAll(() => stack.close())

/** `slow` under a name of its own, with one executor that runs one row at a time. */
const hireFor = async (name: string) => {
  const settings = 'instances: 1\ntimeout_s: 60\nbatching: { max_rows: 1 }\nexample: { n: [1] }\n'
  const folder = await stack.modelsFolder([{ name, of: 'slow', settings }])
  return (environment: Record<string, string> = {}) =>
    stack.startWorker({ ONQUEUE_MODELS_DIR: folder, ...environment })
}
const open = (model: string, times: number[]) =>
  openPackIn(
    stack,
    model,
    times.map((n) => ({ input: { n: [n] } })),
  )
const pollAll = (ids: string[]) =>
  Promise.all(ids.map(async (id) => (await stack.client.get(`/v1/predictions/${id}`)).body))
const untilFinal = (ids: string[]) =>
  Promise.all(ids.map(async (id) => (await stack.client.untilFinal(id)).body))
const untilCompleted = (model: string, packId: string) => {
  const { queue } = modelKeys(stack.prefix, model)
  return vi.waitFor(async () => expect(await stack.redis.zscore(queue('completed'), packId)).not.toBe(null), {
    timeout: 30_000,
    interval: 50,
  })
}
const succeeded = (times: number[]) =>
  times.map((n) => ({ status: 'succeeded', output: { y: n }, error: null }))

describe.concurrent('with a pack in hand', () => {
  test(
    'a worker is killed between two outcomes: those stay, the others run elsewhere',
    { timeout: 120_000 },
    async () => {
      const hire = await hireFor('pack-killed')
      const victim = await hire()
      await stack.client.untilServed('pack-killed')
      const times = [1, 2, 3, 2500, 5, 6, 7, 8]
      const { ids, packId } = await open('pack-killed', times)
      await untilFinal(ids.slice(0, 3))
      const before = await pollAll(ids.slice(0, 3))

      victim.signal('SIGKILL')
      const other = await hire()
      const ended = await untilFinal(ids)
      await untilCompleted('pack-killed', packId)

      expect(ended).toMatchObject(succeeded(times))
      expect(ended.slice(0, 3)).toEqual(before)
      expect(await readMetric(other, 'onqueue_predictions_total', { status: 'succeeded' })).toBe(5)
      expect(Number(await stack.redis.get(modelKeys(stack.prefix, 'pack-killed').extraRows))).toBe(0)
    },
  )

  test(
    'it is killed between the last outcome and completion: nothing runs again',
    { timeout: 120_000 },
    async () => {
      const hire = await hireFor('pack-cut-short')
      // to complete a job is to take it off a list, and to write an outcome is not
      const user = `${stack.prefix}-worker`
      await stack.redis.call('ACL', 'SETUSER', user, 'on', '>secret', '~*', '&*', '+@all')
      const url = Object.assign(new URL(stack.redisUrl), { username: user, password: 'secret' }).href
      const victim = await hire({ REDIS_URL: url })
      await stack.client.untilServed('pack-cut-short')
      const times = [700, 1, 2, 3, 4, 5, 6, 7]
      const { ids, packId } = await open('pack-cut-short', times)
      await stack.client.untilTaken(ids[0] ?? '')

      await stack.redis.call('ACL', 'SETUSER', user, '-lrem')
      await untilFinal(ids)
      const before = await pollAll(ids)
      const { queue } = modelKeys(stack.prefix, 'pack-cut-short')
      const active = await stack.redis.lrange(queue('active'), 0, -1)
      await victim.stop('SIGKILL')
      await stack.redis.call('ACL', 'DELUSER', user)
      const other = await hire()
      await untilCompleted('pack-cut-short', packId)

      expect(active).toEqual([packId])
      expect(before).toMatchObject(succeeded(times))
      expect(await pollAll(ids)).toEqual(before)
      expect(await readMetric(other, 'onqueue_micro_batch_rows_count')).toBe(0)
    },
  )

  test(
    'it freezes and wakes to a pack that was swept: it brings nothing back',
    { timeout: 120_000 },
    async () => {
      const hire = await hireFor('pack-frozen')
      const sleeper = await hire()
      await stack.client.untilServed('pack-frozen')
      const times = [1500, 1, 2, 3, 4, 5, 6, 7]
      const { ids, packId } = await open('pack-frozen', times)
      await stack.client.untilTaken(ids[0] ?? '')

      sleeper.signal('SIGSTOP')
      await hire()
      const ended = await untilFinal(ids)
      await untilCompleted('pack-frozen', packId)
      const sweeper = createSweeper({ redis: stack.redis, namespace: stack.prefix, clock: Date.now })
      expect(await sweeper.sweep('pack-frozen', Number.MAX_SAFE_INTEGER)).toBe(1)
      sleeper.signal('SIGCONT')
      await vi.waitFor(
        async () => expect(await readMetric(sleeper, 'onqueue_predictions_in_hand')).toBe(0),
        20_000,
      )

      expect(ended).toMatchObject(succeeded(times))
      expect(await readMetric(sleeper, 'onqueue_predictions_total')).toBe(0)
      const left = await stack.redis.keys(`${stack.prefix}:{pack-frozen}:*${packId.slice(0, -2)}*`)
      expect(left).toEqual([])
    },
  )

  test(
    'it is told to stop: what ended stays, and the rest is handed back',
    { timeout: 120_000 },
    async () => {
      const hire = await hireFor('pack-stopped')
      const leaver = await hire({ ONQUEUE_WORKER_GRACE: '1s' })
      await stack.client.untilServed('pack-stopped')
      const times = [1, 2, 3, 4000, 5, 6, 7, 8]
      const { ids } = await open('pack-stopped', times)
      await untilFinal(ids.slice(0, 3))

      leaver.signal('SIGTERM')
      expect(await leaver.ended).toBe(0)
      const before = await pollAll(ids)
      await hire()
      const ended = await untilFinal(ids)

      expect(before.map(({ status }) => status)).toEqual([
        ...Array.from({ length: 3 }, () => 'succeeded'),
        ...Array.from({ length: 5 }, () => 'queued'),
      ])
      expect(ended).toMatchObject(succeeded(times))
      expect(ended.slice(0, 3)).toEqual(before.slice(0, 3))
    },
  )

  test(
    'none is there, and half is canceled, half expires: the pack is cleared away',
    { timeout: 120_000 },
    async () => {
      const hire = await hireFor('pack-halves')
      const worker = await hire()
      await stack.client.untilServed('pack-halves')
      await worker.stop()
      const bystander = await hireFor('pack-bystander')
      await bystander()
      const [seconds] = await stack.redis.time()
      const deadline = Number(seconds) * 1000 + 2000
      const { ids, packId } = await openPackIn(
        stack,
        'pack-halves',
        [1, 2, 3, 4, 5, 6, 7, 8].map((n) => ({ input: { n: [n] }, ...(n > 4 ? { deadline } : {}) })),
      )

      const cancel = (id: string) => stack.client.call('POST', `/v1/predictions/${id}/cancel`)
      await Promise.all(ids.slice(0, 4).map(cancel))
      await untilCompleted('pack-halves', packId)

      expect((await pollAll(ids)).map(({ status }) => status)).toEqual([
        ...Array.from({ length: 4 }, () => 'canceled'),
        ...Array.from({ length: 4 }, () => 'expired'),
      ])
      expect(Number(await stack.redis.get(modelKeys(stack.prefix, 'pack-halves').extraRows))).toBe(0)
    },
  )
})

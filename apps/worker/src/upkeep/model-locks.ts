import { randomUUID } from 'node:crypto'
import { z } from 'zod'
import { isOutOfMemory, modelKeys, redisScript, runPipeline } from '@onqueue/shared'
import type { RedisStore } from '@onqueue/shared'

/** Locks by which one janitor at a time works on a model. They expire, so that those of one that died get free. */
export class ModelLocks {
  readonly #store: RedisStore
  readonly #ttlMs: number
  readonly #self = randomUUID()
  readonly #everLocked = new Set<string>()

  constructor(store: RedisStore, ttlMs: number) {
    this.#store = store
    this.#ttlMs = ttlMs
  }

  /** Resolves to those of the models that are locked for the caller. Locking one again makes its lock last longer. */
  async lock(models: string[]) {
    try {
      return await this.#lock(models)
    } catch (err) {
      // a Redis that is full takes no lock: then every janitor makes room in it
      if (isOutOfMemory(err)) return models
      throw err
    }
  }

  /** So that the next janitor need not wait for the locks to expire. */
  async release() {
    const { redis } = this.#store
    for (const model of this.#everLocked) {
      const key = this.#keyOf(model)
      if ((await redis.get(key)) === this.#self) await redis.del(key)
    }
  }

  async #lock(models: string[]) {
    const { redis } = this.#store
    const script = lockModel.on(redis)
    const pipeline = redis.pipeline()
    for (const model of models)
      script.addTo(pipeline, {
        keys: { lock: this.#keyOf(model) },
        args: { self: this.#self, ttlMs: this.#ttlMs },
      })
    const replies = await runPipeline(pipeline)
    const locked = models.filter((_, index) => replies[index] === 1)
    for (const model of locked) this.#everLocked.add(model)
    return locked
  }

  #keyOf(model: string) {
    return modelKeys(this.#store.namespace, model).janitor
  }
}

/** Replies 1 where it is the caller's now. */
const lockModel = redisScript({
  name: 'lockModel',
  keys: ['lock'],
  args: ['self', 'ttlMs'],
  reply: z.int(),
  lua: `
local holder = redis.call('GET', lock)
if holder and holder ~= self then return 0 end
redis.call('SET', lock, self, 'PX', ttlMs)
return 1`,
})

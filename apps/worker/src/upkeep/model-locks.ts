import { randomUUID } from 'node:crypto'
import { isOutOfMemory, modelKeys } from '@onqueue/shared'
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
    const locked: string[] = []
    for (const model of models) {
      const key = this.#keyOf(model)
      const holder = await redis.set(key, this.#self, 'PX', this.#ttlMs, 'NX', 'GET')
      if (holder !== null && holder !== this.#self) continue
      if (holder === this.#self) await redis.pexpire(key, this.#ttlMs)
      this.#everLocked.add(model)
      locked.push(model)
    }
    return locked
  }

  #keyOf(model: string) {
    return modelKeys(this.#store.namespace, model).janitor
  }
}

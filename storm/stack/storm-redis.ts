import { setTimeout as sleep } from 'node:timers/promises'
import { Redis } from 'ioredis'
import { startTestRedis } from '../../scripts/redis/start-test-redis.ts'
import type { TestRedis } from '../../scripts/redis/start-test-redis.ts'

const maxmemoryBytes = 2 * 1024 ** 3

/**
 * The Redis of a storm: with an append-only file, as `npm start` runs it, but for one setting. `npm start` flushes the
 * file every second, and a Redis that is killed in the middle of a slow flush may lose what it acknowledged meanwhile. Here
 * it flushes before it answers, so that whatever is lost was lost by OnQueue.
 */
export class StormRedis {
  readonly #server: TestRedis

  static async open() {
    const server = await startTestRedis({ appendonly: true, maxmemoryBytes })
    const redis = new StormRedis(server)
    await redis.#flushBeforeAnswers()
    return redis
  }

  private constructor(server: TestRedis) {
    this.#server = server
  }

  get url() {
    return this.#server.url
  }

  /** Kills it, and starts it again after `downMs` with what it has on disk. */
  async kill(downMs: number) {
    this.#server.signal('SIGKILL')
    await sleep(downMs)
    await this.#server.restart()
    await this.#flushBeforeAnswers()
  }

  async freeze(holdMs: number) {
    this.#server.signal('SIGSTOP')
    await sleep(holdMs)
    this.#server.signal('SIGCONT')
  }

  close() {
    return this.#server.close()
  }

  async #flushBeforeAnswers() {
    const client = new Redis(this.url)
    await client.config('SET', 'appendfsync', 'always')
    client.disconnect()
  }
}

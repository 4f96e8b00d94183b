import type { Redis } from 'ioredis'
import type { Logger } from '../process/logger.ts'
import { globalKeys } from './names.ts'
import { refusalOf } from './redis-refusals.ts'
import type { Refusal, RefusalCode } from './redis-refusals.ts'
import { redisScript } from './redis-script.ts'
import type { RedisStore } from './redis-store.ts'
import { z } from 'zod'

type Log = Pick<Logger, 'error' | 'info'>

/** How often it is tried whether Redis takes commands again. */
const lookMs = 500
/** Without a refusal for so long, and with a write that was taken, an episode is over. */
const quietMs = 1000
/** Refusals that come and go are logged no more often than this. */
const maxLogMs = 60_000
/** A write that was taken says for so long that Redis takes writes. */
const freshMs = 1000
const patienceMs = 1000

/**
 * Whether Redis does what this process asks of it. It may answer a PING and refuse every write: demoted to a replica, with
 * a full disk, under another password.
 *
 * All connections of a process tell their errors here, those included that BullMQ makes of ours, so that one line in the
 * log says what is wrong and what to do, however many commands are refused, and one that it is over.
 *
 *     taking ──a refusal: logged──▶ refusing ──a write is taken, and no refusal for a second: logged──▶ taking
 *
 * While it is refusing a write is tried twice a second; and at a readiness check where none was taken in the last second.
 */
export class RedisCondition {
  readonly #log: Log
  readonly #clock: () => number
  /** those of this episode */
  readonly #refusals = new Map<RefusalCode, { refusal: Refusal; at: number }>()
  readonly #counts = new Map<RefusalCode, number>()
  readonly #loggedAt = new Map<RefusalCode, number>()
  #since = 0
  #takenAt = -Infinity
  #watched: { redis: Redis; tryWrite: () => Promise<unknown> } | undefined
  #trying: Promise<void> | undefined
  #timer: NodeJS.Timeout | undefined
  #isClosed = false
  readonly #connections = new Set<Redis>()

  constructor({ log, clock = () => performance.now() }: { log: Log; clock?: () => number }) {
    this.#log = log
    this.#clock = clock
  }

  /** Takes in what a command or a connection failed with. Returns whether another connection may do better. */
  saw(err: unknown): boolean {
    const refusal = refusalOf(err)
    if (!refusal) return false
    const now = this.#clock()
    if (this.#refusals.size === 0) this.#since = now
    const isNew = !this.#refusals.has(refusal.code)
    this.#refusals.set(refusal.code, { refusal, at: now })
    this.#counts.set(refusal.code, (this.#counts.get(refusal.code) ?? 0) + 1)
    if (isNew) this.#tell(refusal, err, now)
    if (isNew && refusal.stale === 'all') this.#dropAll()
    if (!this.#isClosed) this.#timer ??= setInterval(() => this.#look(), lookMs).unref()
    return refusal.stale !== 'no'
  }

  /** Has a connection dropped, and made again, when another one finds that the primary has moved. */
  include(redis: Redis) {
    this.#connections.add(redis)
    redis.once('end', () => this.#connections.delete(redis))
  }

  /** Tries writes on this connection from now on. */
  watch({ redis, namespace }: RedisStore) {
    const probe = probeWrite.on(redis)
    const key = globalKeys(namespace).probe
    this.#watched = { redis, tryWrite: () => probe.run({ keys: { key }, args: {} }) }
  }

  isRefusing() {
    return this.#refusals.size > 0
  }

  /** How many commands were refused, by the code of the reply. */
  counts(): { code: string; count: number }[] {
    return [...this.#counts].map(([code, count]) => ({ code, count }))
  }

  /** Why Redis can't be used right now, a sentence each; none when it takes writes. */
  async check(): Promise<string[]> {
    const isFresh = () => this.#clock() - this.#takenAt < freshMs
    if (this.#watched?.redis.status === 'ready' && !isFresh()) await this.#tryInTime()
    if (this.isRefusing()) return [...this.#refusals.values()].map(({ refusal }) => sentenceOf(refusal))
    return this.#watched?.redis.status === 'ready' && isFresh()
      ? []
      : ['Redis does not answer; check that it runs and that REDIS_URL is right']
  }

  close() {
    this.#isClosed = true
    clearInterval(this.#timer)
  }

  #tell(refusal: Refusal, err: unknown, now: number) {
    if (now - (this.#loggedAt.get(refusal.code) ?? -Infinity) < maxLogMs) return
    this.#loggedAt.set(refusal.code, now)
    const { code, state, remedy } = refusal
    const reply = err instanceof Error ? err.message.slice(0, 200) : ''
    this.#log.error({ code, state, remedy, reply }, 'redis refuses commands')
  }

  #dropAll() {
    for (const redis of this.#connections) if (redis.status === 'ready') redis.disconnect(true)
  }

  #look() {
    if (this.#watched?.redis.status === 'ready') void this.#try()
  }

  async #tryInTime() {
    let timer: NodeJS.Timeout | undefined
    const tooLate = new Promise<void>((resolve) => (timer = setTimeout(resolve, patienceMs)))
    await Promise.race([this.#try(), tooLate])
    clearTimeout(timer)
  }

  /** Never rejects. Who asks while a write is tried already gets its result. */
  #try() {
    this.#trying ??= this.#tryOnce().finally(() => (this.#trying = undefined))
    return this.#trying
  }

  async #tryOnce() {
    try {
      await this.#watched?.tryWrite()
    } catch {
      // the connection told of a refusal, or tells of its loss
      return
    }
    const now = this.#clock()
    this.#takenAt = now
    for (const [code, { at }] of this.#refusals) if (now - at >= quietMs) this.#refusals.delete(code)
    if (this.#timer === undefined || this.isRefusing()) return
    clearInterval(this.#timer)
    this.#timer = undefined
    this.#log.info({ seconds: Math.round((now - this.#since) / 100) / 10 }, 'redis takes commands again')
  }
}

const sentenceOf = ({ code, state, remedy }: Refusal) =>
  `Redis refuses commands (${code}): ${state}; ${remedy}`

/**
 * A write that changes nothing: there is no such key, and XX makes none. A script, since that needs more of Redis than
 * a plain command does.
 */
const probeWrite = redisScript({
  name: 'probeWrite',
  keys: ['key'],
  args: [],
  reply: z.null(),
  lua: `return redis.call('SET', key, '1', 'XX', 'GET')`,
})

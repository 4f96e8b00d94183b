import { endedOutcome, modelKeys, readPack } from '@onqueue/shared'
import type { DatedStore, Logger, OutcomeWriter, PredictionJobData } from '@onqueue/shared'

/** A submit whose caller was told that nobody knows whether it was accepted, or that it was not: of one prediction, or of a pack. */
export type AbandonedSubmit = {
  /** of the job */
  id: string
  model: string
  owner: string
  rows: number
  isPack: boolean
  /** of `performance.now()` */
  sentAt: number
}

type Options = DatedStore & {
  outcomes: OutcomeWriter
  log: Logger
  maxRemembered?: number
  intervalMs?: number
}

/** A guard script that runs later than this takes the submit as late. */
const settledAfterMs = 1500

/**
 * Submits without an idempotency key that were given up on: canceled when Redis is back.
 *
 * Each is looked at once, when Redis answers and enough time has passed that the guard script would take it as late if
 * it ran only then. One whose job is there is canceled. Where the guard ran and the job is not there, as the connection was
 * lost between the two, or the second was refused, the listing is undone. The others never reached Redis.
 */
export class AbandonedSubmits {
  readonly #options: Options
  readonly #maxRemembered: number
  readonly #timer: NodeJS.Timeout
  /** the oldest first */
  readonly #remembered = new Set<AbandonedSubmit>()
  #settling: Promise<void> | undefined

  constructor(options: Options) {
    const { maxRemembered = 10_000, intervalMs = 500 } = options
    this.#options = options
    this.#maxRemembered = maxRemembered
    this.#timer = setInterval(() => this.#settleDue(), intervalMs).unref()
  }

  /** Forgets the oldest where too many are remembered. */
  add(submit: AbandonedSubmit) {
    const [oldest] = this.#remembered
    if (oldest && this.#remembered.size >= this.#maxRemembered) this.#remembered.delete(oldest)
    this.#remembered.add(submit)
  }

  async close() {
    clearInterval(this.#timer)
    await this.#settling
    const submits = this.#remembered.size
    if (submits > 0) this.#options.log.warn({ submits }, 'closed before abandoned submits could be canceled')
  }

  #settleDue() {
    if (this.#remembered.size === 0 || this.#options.redis.status !== 'ready') return
    // settleAll never rejects
    this.#settling ??= this.#settleAll().finally(() => (this.#settling = undefined))
  }

  async #settleAll() {
    const due = [...this.#remembered].filter(({ sentAt }) => performance.now() - sentAt > settledAfterMs)
    for (const submit of due) {
      try {
        await settle(this.#options, submit)
        this.#remembered.delete(submit)
      } catch (err) {
        this.#options.log.debug({ err }, 'abandoned submits wait for redis')
        return
      }
    }
  }
}

const settle = async (
  { redis, namespace, clock, outcomes }: Pick<Options, 'redis' | 'namespace' | 'clock' | 'outcomes'>,
  { id, model, owner, rows, isPack }: AbandonedSubmit,
) => {
  const keys = modelKeys(namespace, model)
  const data = await redis.hget(keys.queue(id), 'data')
  if (data !== null) {
    const detail = 'the queue did not answer when it was submitted, and its caller was told so'
    const canceled = endedOutcome('canceled', { code: 'canceled', detail, now: clock() })
    const added = isPack
      ? await readPack({ redis, namespace }, id, JSON.parse(data))
      : [{ id, job: { arrayLength: rows } }]
    await Promise.all(added.map((one) => outcomes.write(one.id, canceled, withoutWebhook(one.job))))
    return
  }
  // a pack is there with its job, or not at all
  if (isPack) return
  if ((await redis.zrem(keys.index(owner), id)) === 0) return
  await redis.zrem(keys.deadlines, id)
  if (rows > 1) await redis.decrby(keys.extraRows, rows - 1)
}

/** Nobody is to be told of what nobody knows that he submitted. */
const withoutWebhook = ({
  arrayLength,
  packId,
}: Pick<PredictionJobData, 'arrayLength' | 'packId'>): Pick<PredictionJobData, 'arrayLength' | 'packId'> => ({
  arrayLength,
  ...(packId === undefined ? {} : { packId }),
})

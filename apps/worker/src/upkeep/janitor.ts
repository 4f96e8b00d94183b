import {
  canRun,
  createPredictionQueues,
  globalKeys,
  isMemoryShort,
  keptMs,
  levelOf,
  readModel,
  readRedisMemory,
} from '@onqueue/shared'
import type { DatedStore, Logger, OutcomeWriter, PredictionQueues } from '@onqueue/shared'
import { clearEnded } from './clear-ended.ts'
import { createRowCorrection } from './correct-rows.ts'
import { endLost } from './end-lost.ts'
import { endOverdue } from './end-overdue.ts'
import { createLossFinder } from './find-losses.ts'
import { ModelLocks } from './model-locks.ts'
import { returnStalled } from './return-stalled.ts'
import { isIdle, surveyModels } from './survey.ts'
import type { Survey } from './survey.ts'
import { sweepOldest } from './sweep-oldest.ts'
import { createSweeper } from './sweep.ts'
import type { Sweeper } from './sweep.ts'
import { Turns } from './turns.ts'
import type { Upkeep } from './upkeep.ts'

type Options = DatedStore & {
  outcomes: OutcomeWriter
  log: Logger
  retentionMs: number
  minRetentionMs: number
  /** share of maxmemory from which the oldest finished predictions go early */
  watermark: number
  /** Redis had lost something of this kind, which was put right */
  onRepaired: (kind: string) => void
  intervalMs?: number
}

/**
 * The janitor tidies up after processes that died and callers that went away, for all models, whoever serves them.
 * Every worker process has one; a lock lets one at a time work on a model.
 *
 * - ends predictions whose deadline has passed, and moves them to the front to be cleared away;
 * - writes outcomes for predictions that BullMQ gave up on because their workers were lost again and again;
 * - for models that nobody takes predictions of: returns to the queue what lost workers held, and clears away what ended
 *   while waiting;
 * - counts rows again, and corrects their count where it was wrong;
 * - puts right what Redis has lost parts of;
 * - removes finished predictions by age, and earlier when memory is short.
 */
export class Janitor {
  readonly #options: Options
  readonly #intervalMs: number
  readonly #locks: ModelLocks
  readonly #turns = new Turns()
  readonly #sweeper: Sweeper
  readonly #correctRows: ReturnType<typeof createRowCorrection>
  readonly #findLosses: ReturnType<typeof createLossFinder>
  readonly #queues: PredictionQueues
  readonly #upkeep: Upkeep
  #timer: NodeJS.Timeout | undefined
  #running: Promise<void>
  #closed = false

  /** Starts at once. */
  constructor(options: Options) {
    const { redis, namespace, clock, outcomes, log, onRepaired, intervalMs = 1000 } = options
    this.#options = options
    this.#intervalMs = intervalMs
    this.#queues = createPredictionQueues({ redis, namespace })
    this.#locks = new ModelLocks({ redis, namespace }, 10 * intervalMs)
    this.#sweeper = createSweeper({ redis, namespace, clock })
    this.#correctRows = createRowCorrection({ redis, namespace, onRepaired })
    this.#findLosses = createLossFinder({
      redis,
      namespace,
      clock,
      log,
      onRepaired,
      isClosed: () => this.#closed,
    })
    this.#upkeep = {
      redis,
      namespace,
      clock,
      outcomes,
      log,
      queues: this.#queues,
      isClosed: () => this.#closed,
    }
    this.#running = this.#loop()
  }

  async close() {
    this.#closed = true
    clearTimeout(this.#timer)
    await this.#running
    await this.#locks.release()
    await this.#queues.close()
  }

  async #loop() {
    try {
      await this.#round()
    } catch (err) {
      if (!this.#closed) this.#options.log[levelOf(err)]({ err }, 'janitor was interrupted')
    }
    if (this.#closed) return
    this.#timer = setTimeout(() => {
      // never rejects
      this.#running = this.#loop()
    }, this.#intervalMs)
  }

  async #round() {
    const { redis, namespace, clock, log } = this.#options
    const models = (await redis.smembers(globalKeys(namespace).models)).sort()
    // first, since in a Redis that is full nothing of the rest works
    await this.#sweepForMemory(models)
    const mine = await this.#locks.lock(this.#turns.next(models))
    // one janitor is enough for the walk over all keys
    if (models[0] !== undefined && mine.includes(models[0])) await this.#findLosses(models)
    const before = this.#cutoff({ memoryIsShort: false })
    const surveys = await surveyModels({ redis, namespace }, mine, { now: clock(), before })
    for (const [model, survey] of surveys) {
      try {
        if (survey instanceof Error) throw survey
        this.#turns.found(model, { isIdle: isIdle(survey) })
        await this.#tidy(model, survey, before)
      } catch (err) {
        // one model's trouble must not keep the others from being swept
        if (!this.#closed) log[levelOf(err)]({ err, model }, 'janitor was interrupted')
      }
    }
  }

  async #tidy(model: string, { hasOverdue, hasLost, hasRows, hasAged }: Survey, before: number) {
    if (hasOverdue) await endOverdue(this.#upkeep, model)
    if (hasLost) await endLost(this.#upkeep, model)
    if (hasRows && !(await this.#isTaken(model))) {
      await returnStalled(this.#upkeep, model)
      await clearEnded(this.#upkeep, model)
    }
    if (hasRows) await this.#correctRows.correct(model)
    else this.#correctRows.forget(model)
    if (hasAged) await this.#sweepByAge(model, before)
  }

  /** A worker takes predictions of a model while it has a version of it that can run. */
  async #isTaken(model: string) {
    const { redis, namespace } = this.#options
    const { heartbeats } = await readModel({ redis, namespace }, model)
    return heartbeats.some(({ versions }) => versions.some(({ status }) => canRun(status)))
  }

  async #sweepByAge(model: string, before: number) {
    while ((await this.#sweeper.sweep(model, before)) > 0 && !this.#closed);
  }

  async #sweepForMemory(models: string[]) {
    const { redis, watermark, log } = this.#options
    const isShort = async () => isMemoryShort(await readRedisMemory(redis), watermark)
    if (!(await isShort())) return
    const removed = await sweepOldest({
      sweeper: this.#sweeper,
      models: await this.#locks.lock(models),
      before: this.#cutoff({ memoryIsShort: true }),
      isEnough: async () => this.#closed || !(await isShort()),
    })
    if (removed > 0) log.warn({ removed }, 'memory is short: removed the oldest finished predictions')
  }

  #cutoff({ memoryIsShort }: { memoryIsShort: boolean }) {
    const { clock, retentionMs, minRetentionMs } = this.#options
    return clock() - keptMs({ retentionMs, minRetentionMs, memoryIsShort })
  }
}

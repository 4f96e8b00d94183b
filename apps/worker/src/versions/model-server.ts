import { createHash } from 'node:crypto'
import type { Redis } from 'ioredis'
import { beat, heartbeatIntervalMs, publishCard, readOutcomes, rowsOf, stopBeating } from '@onqueue/shared'
import type {
  Heartbeat,
  Logger,
  Outcome,
  OutcomeWriter,
  PredictionJobData,
  VersionCard,
} from '@onqueue/shared'
import type { ModelDefinition } from '../repository/model-definition.ts'
import type { RefusedModel } from '../repository/read-model-repository.ts'
import type { VersionDescription } from '../executor/protocol.ts'
import { consumePredictions } from '../queue/consume-predictions.ts'
import type { Consumer } from '../queue/consume-predictions.ts'
import { Throughput } from '../queue/throughput.ts'
import { VersionRefused } from '../serving/executor.ts'
import type { ExecutorDied } from '../serving/executor.ts'
import { ModelVersion } from '../serving/model-version.ts'

/** What models tell of themselves while they work. */
type ModelEvents = {
  predictionEnded(model: string, outcome: Outcome, job: PredictionJobData): void
  microBatchRan(model: string, rows: number, runMs: number): void
  executorDied(model: string, how: ExecutorDied['how']): void
}

/**
 * Serves one model with all its versions: announces them, loads them, then takes predictions. A version that can't be
 * loaded is announced as refused, with the reason; the others are served.
 */
type Options = {
  redis: Redis
  namespace: string
  workerId: string
  model: string
  definitions: ModelDefinition[]
  refused: RefusedModel[]
  cores: number
  versionPatienceMs: number
  outcomes: OutcomeWriter
  events: ModelEvents
  log: Logger
}

type VersionState = Heartbeat['versions'][number]

export const serveModel = (options: Options) => {
  const { redis, namespace, workerId, model, definitions, refused, cores, events, log } = options
  const store = { redis, namespace }
  const versions = new Map<string, ModelVersion>()
  const states = new Map<string, VersionState>()
  const cards = new Map<string, VersionCard>()
  const throughput = new Throughput(Date.now())
  let consumer: Consumer | undefined
  const ending = new AbortController()
  let closed = false

  const load = async () => {
    for (const { version = '1', digest = digestOfRefusal(model), reason } of refused) {
      await announce({ ...blankCard(model, version, digest), status: 'refused', reason })
      log.error({ model, version, reason }, 'model refused')
    }
    for (const { version, digest } of definitions)
      await announce({ ...blankCard(model, version, digest), status: 'loading' })
    await sendBeat()
    await Promise.all(definitions.map(open))
    if (closed || versions.size === 0) return
    consumer = consumePredictions({
      ...options,
      versions: {
        get: (digest) => versions.get(digest),
        all: () => [...versions.values()],
        maxInFlightRows: () => Math.max(...[...versions.values()].map((version) => version.maxInFlightRows)),
      },
      onEnded: (job, outcome) => {
        throughput.add(rowsOf(job))
        events.predictionEnded(model, outcome, job)
      },
    })
    // only now, so that who sees it ready finds a worker
    for (const { definition, description } of versions.values())
      await announce(readyCard(definition, description))
    await sendBeat()
  }

  const open = async (definition: ModelDefinition) => {
    const { version, digest } = definition
    const startedAt = performance.now()
    try {
      const opened = await ModelVersion.open({
        definition,
        cores,
        log,
        ending: ending.signal,
        areFinal: async (ids) => (await readOutcomes(store, model, ids)).map((outcome) => outcome !== null),
        isExpectingRows: () => consumer?.isExpectingRows() ?? false,
        events: {
          microBatchRan: (rows, runMs) => events.microBatchRan(model, rows, runMs),
          executorDied: (how) => events.executorDied(model, how),
        },
      })
      versions.set(digest, opened)
      const { warnings, batching } = opened.description
      const loadMs = Math.round(performance.now() - startedAt)
      log.info(
        { model, version, loadMs, handRows: opened.maxInFlightRows, batching, warnings },
        'model loaded',
      )
    } catch (err) {
      if (closed) return
      const reason =
        err instanceof VersionRefused
          ? err.message
          : 'its executor could not be started; the worker logged why'
      log.error({ err, model, version, reason }, 'model refused')
      await announce({ ...blankCard(model, version, digest), status: 'refused', reason })
    }
  }

  const announce = async (card: VersionCard) => {
    const { version, digest, status, reason } = card
    states.set(digest, { version, digest, status, reason, memoryBytes: 0 })
    cards.set(digest, card)
    await publishCard(store, card)
  }

  /** A Redis that comes back may have lost what it was told. */
  const announceAgain = () => {
    Promise.all([...cards.values()].map((card) => publishCard(store, card)))
      .then(sendBeat)
      .catch((err: unknown) => log.warn({ err, model }, 'cards could not be published again'))
  }

  const sendBeat = async () => {
    if (closed) return
    const now = Date.now()
    for (const [digest, opened] of versions) {
      const state = states.get(digest)
      if (state?.status !== 'ready' && state?.status !== 'unhealthy') continue
      state.status = opened.isHealthy ? 'ready' : 'unhealthy'
      state.reason = opened.isHealthy ? null : 'too many rows crashed its executors in the last minute'
      state.memoryBytes = opened.description.memoryBytes * opened.executorPids.length
    }
    const rowsPerSecond = throughput.measure(now, (consumer?.countInFlight() ?? 0) > 0)
    await beat(store, model, { workerId, at: now, rowsPerSecond, versions: [...states.values()] })
  }

  const beating = setInterval(() => {
    sendBeat().catch((err: unknown) => log.warn({ err, model }, 'heartbeat failed'))
  }, heartbeatIntervalMs)
  redis.on('ready', announceAgain)
  const loaded = load()
  loaded.catch((err: unknown) => log.error({ err, model }, 'model could not be served'))

  return {
    model,
    /** Resolves when every version is ready or refused. */
    loaded,
    countInFlight: () => consumer?.countInFlight() ?? 0,
    executorPids: () => [...versions.values()].flatMap((version) => version.executorPids),
    close: async (graceMs: number) => {
      closed = true
      clearInterval(beating)
      redis.off('ready', announceAgain)
      if (!consumer) ending.abort()
      await Promise.allSettled([loaded])
      await stopBeating(store, model, workerId)
      await consumer?.close(graceMs)
      await Promise.all([...versions.values()].map((version) => version.close()))
    },
  }
}

export type ServedModel = ReturnType<typeof serveModel>

/** Stands for a definition that could not even be read. */
const digestOfRefusal = (model: string) => createHash('sha256').update(`refused ${model}`).digest('hex')

const blankCard = (model: string, version: string, digest: string): VersionCard => ({
  model,
  version,
  digest,
  generation: 0,
  status: 'loading',
  reason: null,
  warnings: [],
  description: null,
  task: null,
  inputSchema: null,
  outputSchema: null,
  example: null,
  batching: { enabled: false, maxRows: 1, maxWaitMs: 0, reason: null },
  providers: [],
  attempts: 1,
})

const readyCard = (
  { name, version, digest, settings }: ModelDefinition,
  description: VersionDescription,
): VersionCard => ({
  ...blankCard(name, version, digest),
  status: 'ready',
  warnings: description.warnings,
  description: description.description,
  task: description.task,
  inputSchema: description.inputSchema,
  outputSchema: description.outputSchema,
  example: description.example,
  batching: { ...description.batching, reason: description.batching.reason ?? null },
  providers: description.providers,
  attempts: settings.attempts,
})

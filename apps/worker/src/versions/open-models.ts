import { randomUUID } from 'node:crypto'
import { canRun, modelNameSchema, readModel } from '@onqueue/shared'
import type { DatedStore, Logger, OutcomeWriter, RedisStore } from '@onqueue/shared'
import type { ModelDefinition } from '../repository/model-definition.ts'
import type { ModelRepository, UnreadModel } from '../repository/read-model-repository.ts'
import type { RowLimitBound } from '../sizes/row-limit.ts'
import { ExecutorPool } from '../supervision/executor-pool.ts'
import { ModelServer } from './model-server.ts'
import type { ModelEvents } from './model-events.ts'
import { readAtLast } from './read-at-last.ts'
import type { FailedRead } from './read-at-last.ts'
import { whyNothingRuns, whyNotReadyYet } from './worker-readiness.ts'
import type { Demand, OwnVersion } from './worker-readiness.ts'

/** The models that this worker serves: none at first. */
export type Models = {
  /** Serves every model of a repository, and returns their names. They are loaded side by side. */
  serve(repository: ModelRepository): string[]
  /**
   * Why no predictions should be expected to be served here, a sentence each; empty when they are. What keeps a worker from
   * becoming ready does not make one unready that was ready once. Rejects when Redis does not tell of other workers.
   */
  whyNotReady(): Promise<string[]>
  /** versions that this worker has now */
  versions(): OwnVersion[]
  names(): string[]
  /** The definition of a version that is ready here. */
  definitionOf(model: string, digest: string): ModelDefinition | undefined
  /** Digests of the versions of a model that are ready here. */
  digestsOf(model: string): string[]
  /** pids of the executors of each model at this moment */
  executors(): { model: string; pids: number[] }[]
  /** how many rows of each version run together at present, and what keeps it from being more */
  rowLimits(): { model: string; version: string; rows: number; boundBy: RowLimitBound }[]
  /** predictions of each model that were taken and have not finished */
  inFlight(): { model: string; predictions: number }[]
  /** Lets what was taken finish for `graceMs`, and returns the rest to the queue. */
  close(graceMs: number): Promise<void>
}

type Options = DatedStore & {
  /** where the repository is, for people */
  modelsDir: string
  /** folders outside of it that links may lead into */
  links: readonly string[]
  demand: Demand
  cores: number
  /** how many versions have executors of their own before small ones share some */
  ownExecutors: number
  /** id of the storage from which this worker reads files of batches, once it was opened */
  storage?: () => string | undefined
  /** how long a prediction waits for a worker that has its version */
  versionPatienceMs: number
  outcomes: OutcomeWriter
  events: ModelEvents
  log: Logger
}

export const openModels = (options: Options): Models => {
  const { modelsDir, links, demand, log } = options
  const workerId = randomUUID()
  const servers: ModelServer[] = []
  const versions = () => servers.flatMap((server) => server.versions())
  const closing = new AbortController()
  const pool = new ExecutorPool(options)
  /** digests of what was there at the start; undefined until it was read */
  let found: Set<string> | undefined
  let wasReady = false

  /** Has a server serve what was read of its model. It knows of all of it when this returns. */
  const enter = (server: ModelServer, repository: ModelRepository) => {
    const before = new Set(server.versions().map(({ digest }) => digest))
    // none of them rejects
    void load(server, repository)
    for (const unread of repository.unread) if (unread.name === server.model) void enterAtLast(server, unread)
    for (const { digest } of server.versions()) if (!before.has(digest)) found?.add(digest)
  }

  const load = async (server: ModelServer, { definitions, refused }: ModelRepository) => {
    const isOfModel = ({ name }: { name: string }) => name === server.model
    try {
      // all of them are known before the first is awaited
      const refusing = refused.filter(isOfModel).map((one) => server.refuse(one))
      await Promise.all([...refusing, server.add(...definitions.filter(isOfModel))])
    } catch (err) {
      log.error({ err, model: server.model }, 'model could not be served')
    }
  }

  const enterAtLast = async (server: ModelServer, unread: UnreadModel) => {
    const onUntold = (err: unknown) => log.error({ err, model: server.model }, 'model could not be told of')
    try {
      const onFailed = (failed: FailedRead) => void server.announceUnread(failed).catch(onUntold)
      const read = await readAtLast(unread, { modelsDir, links, onFailed, signal: closing.signal, log })
      if (!read) return
      enter(server, read)
      await server.withdrawUnread(unread)
    } catch (err) {
      log.error({ err, model: server.model }, 'model could not be served')
    }
  }

  return {
    serve: (repository) => {
      const names = namesOf(repository, log)
      servers.push(
        ...names.map(
          (model) =>
            new ModelServer({
              ...options,
              workerId,
              model,
              startExecutor: pool.start,
              models: () => servers.length,
            }),
        ),
      )
      found = new Set()
      for (const server of servers) enter(server, repository)
      return names
    },
    whyNotReady: async () => {
      if (found === undefined) return ['the model repository is being read']
      const atStart = versions().filter(({ digest }) => found?.has(digest))
      const reasons = whyNothingRuns(versions(), modelsDir)
      if (reasons.length > 0 || wasReady) return reasons
      const others = await readOthers(options, workerId, atStart)
      const notYet = whyNotReadyYet({ own: atStart, others, demand })
      wasReady = notYet.length === 0
      return notYet
    },
    versions,
    names: () => servers.map(({ model }) => model),
    definitionOf: (model, digest) => servers.find((server) => server.model === model)?.definitionOf(digest),
    digestsOf: (model) =>
      versions().flatMap((own) => (own.model === model && own.status === 'ready' ? own.digest : [])),
    executors: () => servers.map((server) => ({ model: server.model, pids: server.executorPids() })),
    rowLimits: () =>
      servers.flatMap((server) => server.rowLimits().map((limit) => ({ model: server.model, ...limit }))),
    inFlight: () => servers.map((server) => ({ model: server.model, predictions: server.countInFlight() })),
    close: async (graceMs) => {
      closing.abort()
      pool.close()
      await Promise.all(servers.map((server) => server.close(graceMs)))
    },
  }
}

/** What other live workers serve of the models of which a version is refused here. */
const readOthers = async ({ redis, namespace }: RedisStore, workerId: string, own: OwnVersion[]) => {
  const models = new Set(own.filter(({ status }) => status === 'refused').map(({ model }) => model))
  const entries = await Promise.all([...models].map((model) => readModel({ redis, namespace }, model)))
  return entries.flatMap(({ name, heartbeats }) =>
    heartbeats
      .filter((heartbeat) => heartbeat.workerId !== workerId)
      .flatMap((heartbeat) => heartbeat.versions.filter(({ status }) => canRun(status)))
      .map(({ version, digest }) => ({ model: name, version, digest })),
  )
}

/** The names of all models in the repository, those included that can only be announced as refused. */
const namesOf = ({ definitions, refused, unread }: ModelRepository, log: Logger) => {
  const names = new Set([...definitions, ...unread].map(({ name }) => name))
  for (const { name, reason } of refused) {
    if (modelNameSchema.safeParse(name).success) names.add(name)
    else log.error({ model: name, reason }, 'model refused')
  }
  return [...names]
}

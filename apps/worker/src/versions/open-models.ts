import { randomUUID } from 'node:crypto'
import { modelNameSchema } from '@onqueue/shared'
import type { Logger, OutcomeWriter, RedisStore } from '@onqueue/shared'
import type { ModelRepository } from '../repository/read-model-repository.ts'
import { ModelServer } from './model-server.ts'
import type { ModelEvents } from './model-server.ts'

/** The models that this worker serves. */
export type Models = {
  names: string[]
  /** True when every version is ready or refused. */
  isLoaded(): boolean
  /** pids of the executors of each model at this moment */
  executors(): { model: string; pids: number[] }[]
  /** predictions of each model that were taken and have not finished */
  inFlight(): { model: string; predictions: number }[]
  /** Lets what was taken finish for `graceMs`, and returns the rest to the queue. */
  close(graceMs: number): Promise<void>
}

type Options = RedisStore & {
  repository: ModelRepository
  cores: number
  /** how long a prediction waits for a worker that has its version */
  versionPatienceMs: number
  outcomes: OutcomeWriter
  events: ModelEvents
  log: Logger
}

/** Serves every model of a repository. Returns at once; models are loaded side by side. */
export const openModels = ({ repository, ...options }: Options): Models => {
  const { log } = options
  const workerId = randomUUID()
  const names = namesOf(repository, log)
  const servers = names.map((model) => new ModelServer({ ...options, workerId, model }))

  const load = async (server: ModelServer) => {
    const isOfModel = ({ name }: { name: string }) => name === server.model
    try {
      for (const refused of repository.refused.filter(isOfModel)) await server.refuse(refused)
      await server.add(...repository.definitions.filter(isOfModel))
    } catch (err) {
      log.error({ err, model: server.model }, 'model could not be served')
    }
  }

  let isLoaded = false
  // load never rejects
  void Promise.all(servers.map(load)).then(() => (isLoaded = true))

  return {
    names,
    isLoaded: () => isLoaded,
    executors: () => servers.map((server) => ({ model: server.model, pids: server.executorPids() })),
    inFlight: () => servers.map((server) => ({ model: server.model, predictions: server.countInFlight() })),
    close: async (graceMs) => void (await Promise.all(servers.map((server) => server.close(graceMs)))),
  }
}

/** The names of all models in the repository, those included that can only be announced as refused. */
const namesOf = ({ definitions, refused }: ModelRepository, log: Logger) => {
  const names = new Set(definitions.map(({ name }) => name))
  for (const { name, reason } of refused) {
    if (modelNameSchema.safeParse(name).success) names.add(name)
    else log.error({ model: name, reason }, 'model refused')
  }
  return [...names]
}

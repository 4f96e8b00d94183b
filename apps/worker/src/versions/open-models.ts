import { randomUUID } from 'node:crypto'
import { modelNameSchema } from '@onqueue/shared'
import type { Logger, OutcomeWriter, RedisStore } from '@onqueue/shared'
import type { ModelRepository } from '../repository/read-model-repository.ts'
import { ModelServer } from './model-server.ts'
import type { ModelEvents } from './model-events.ts'

/** The models that this worker serves: none at first. */
export type Models = {
  /** Serves every model of a repository, and returns their names. They are loaded side by side. */
  serve(repository: ModelRepository): string[]
  /** True when every version of the repository is ready or refused. */
  isLoaded(): boolean
  /** pids of the executors of each model at this moment */
  executors(): { model: string; pids: number[] }[]
  /** predictions of each model that were taken and have not finished */
  inFlight(): { model: string; predictions: number }[]
  /** Lets what was taken finish for `graceMs`, and returns the rest to the queue. */
  close(graceMs: number): Promise<void>
}

type Options = RedisStore & {
  cores: number
  /** how long a prediction waits for a worker that has its version */
  versionPatienceMs: number
  outcomes: OutcomeWriter
  events: ModelEvents
  log: Logger
}

export const openModels = (options: Options): Models => {
  const { log } = options
  const workerId = randomUUID()
  const servers: ModelServer[] = []
  let isLoaded = false

  const load = async (server: ModelServer, { definitions, refused }: ModelRepository) => {
    const isOfModel = ({ name }: { name: string }) => name === server.model
    try {
      for (const one of refused.filter(isOfModel)) await server.refuse(one)
      await server.add(...definitions.filter(isOfModel))
    } catch (err) {
      log.error({ err, model: server.model }, 'model could not be served')
    }
  }

  return {
    serve: (repository) => {
      const names = namesOf(repository, log)
      servers.push(...names.map((model) => new ModelServer({ ...options, workerId, model })))
      // load never rejects
      void Promise.all(servers.map((server) => load(server, repository))).then(() => (isLoaded = true))
      return names
    },
    isLoaded: () => isLoaded,
    executors: () => servers.map((server) => ({ model: server.model, pids: server.executorPids() })),
    inFlight: () => servers.map((server) => ({ model: server.model, predictions: server.countInFlight() })),
    close: async (graceMs) => {
      await Promise.all(servers.map((server) => server.close(graceMs)))
    },
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

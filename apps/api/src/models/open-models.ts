import type { DatedStore, Heartbeat, Logger } from '@onqueue/shared'
import type { Channels } from '../redis/channels.ts'
import { createWaitingReader } from './waiting-predictions.ts'
import type { ReadWaiting } from './waiting-predictions.ts'
import { createModelCatalog } from './model-catalog.ts'
import type { ModelCatalog } from './model-catalog.ts'

/** All that the API knows of the models. */
export type Models = ModelCatalog & {
  readWaiting: ReadWaiting
  /** id of the storage of this process, where it has one */
  storage: () => string | undefined
  /** ids of the storages of live workers */
  storages(): string[]
}

/** Reads all models before it resolves. */
export const openModels = async ({
  redis,
  namespace,
  clock,
  channels,
  storage,
  log,
}: DatedStore & {
  channels: Channels
  storage: () => string | undefined
  log: Logger
}): Promise<Models> => {
  const catalog = await createModelCatalog({ redis, namespace, clock, channels, log })
  return {
    ...catalog,
    readWaiting: createWaitingReader({ redis, namespace, clock }),
    storage,
    storages: () => catalog.list().flatMap(({ heartbeats }) => storagesOf(heartbeats)),
  }
}

const storagesOf = (heartbeats: readonly Heartbeat[]) => heartbeats.flatMap(({ storage }) => storage ?? [])

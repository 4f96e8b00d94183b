import type { DatedStore, Logger } from '@onqueue/shared'
import type { Channels } from '../redis/channels.ts'
import { createWaitingReader } from './waiting-predictions.ts'
import type { ReadWaiting } from './waiting-predictions.ts'
import { createModelCatalog } from './model-catalog.ts'
import type { ModelCatalog } from './model-catalog.ts'

/** All that the API knows of the models. */
export type Models = ModelCatalog & { readWaiting: ReadWaiting }

/** Reads all models before it resolves. */
export const openModels = async ({
  redis,
  namespace,
  clock,
  channels,
  log,
}: DatedStore & { channels: Channels; log: Logger }): Promise<Models> => ({
  ...(await createModelCatalog({ redis, namespace, clock, channels, log })),
  readWaiting: createWaitingReader({ redis, namespace, clock }),
})

import { createSeals, plainForm } from '../ids/sealed-text.ts'
import type { Logger } from '../process/logger.ts'
import { watchProcesses } from './live-processes.ts'
import type { RedisStore } from '../redis/redis-store.ts'
import { createSecretForms } from './secret-forms.ts'
import type { SecretForms } from './secret-forms.ts'
import { openSharedSecret } from './shared-secret.ts'

/** What a process makes of the secrets that it is configured with. */
export type Secrets = {
  /**
   * Those under which ids and tokens are good; the first is the one to make new ones under. While not every process has
   * the current one, that is the one before it.
   */
  all(): readonly [string, ...string[]]
  /** Whether every live process reads events tokens that are bound to a key. */
  areTokensBound(): boolean
  /** Whether every live process reads packs, and has for a while. */
  arePacksRead(): boolean
  /** Whether every live process reads deliveries about batches, and has for a while. */
  areBatchDeliveriesRead(): boolean
  /** how the secrets of owners are kept in Redis */
  forms: SecretForms
  /** Ids of the storages that live processes use. */
  storages(): readonly string[]
  /** Has `listener` called when they may have to be kept in another form. */
  onFormsChange(listener: () => void): void
  close(): void
}

/** The names of what is read, in heartbeats. */
const boundTokens = 'bound-events-tokens'
const packs = 'packs'
const batchDeliveries = 'batch-deliveries'

export const openSecrets = async ({
  redis,
  namespace,
  app,
  configured,
  previous,
  storage,
  log,
}: RedisStore & {
  app: 'api' | 'webhooks'
  /** ONQUEUE_SECRET */
  configured: string | undefined
  /** ONQUEUE_SECRET_PREVIOUS */
  previous: string | undefined
  /** id of the storage of this process, which its heartbeat tells */
  storage?: () => string | undefined
  log: Logger
}): Promise<Secrets> => {
  if (configured === undefined)
    log.warn('webhook secrets are kept in clear in Redis: set ONQUEUE_SECRET, the same for API and webhooks')
  const shared = await openSharedSecret({ redis, namespace, configured, log })
  const seals = createSeals({ current: configured, previous })
  const [best = plainForm] = seals.forms
  const reads = [boundTokens, packs, batchDeliveries, ...seals.forms.filter((form) => form !== plainForm)]
  const live = watchProcesses({ redis, namespace, app, reads, ...(storage && { storage }), log })

  return {
    all: () => {
      const current = shared.current()
      if (previous === undefined) return [current]
      const isKnownToAll = best === plainForm || live.isRead(best)
      return isKnownToAll ? [current, previous] : [previous, current]
    },
    areTokensBound: () => live.isRead(boundTokens),
    arePacksRead: () => live.stateOf(packs) === 'yes',
    areBatchDeliveriesRead: () => live.stateOf(batchDeliveries) === 'yes',
    forms: createSecretForms(seals, (form) => live.stateOf(form)),
    storages: () => live.storages(),
    onFormsChange: (listener) => live.onChange(listener),
    close: () => {
      live.close()
      shared.close()
    },
  }
}

import { globalKeys, UnreadableError } from '@onqueue/shared'
import type { Logger, RedisStore, Secrets, WebhookSecretStore } from '@onqueue/shared'

/** Redis looks at so many keys at a step. */
const keysAtOnce = 1000

/**
 * Brings the secrets of all owners into the form in which they are to be kept, whenever that changes: what is used comes into
 * it by itself, and this is for owners who are not there for long.
 */
export const createSecretsBringer = ({
  redis,
  namespace,
  secrets,
  onFormsChange,
  log,
}: RedisStore & {
  secrets: Pick<WebhookSecretStore, 'bring'>
  onFormsChange: Secrets['onFormsChange']
  log: Pick<Logger, 'info' | 'error' | 'warn'>
}) => {
  const start = globalKeys(namespace).webhookSecrets('')
  let isClosed = false
  let isWanted = false
  let running: Promise<void> | undefined

  const bringOne = async (owner: string) => {
    try {
      await secrets.bring(owner)
    } catch (err) {
      if (!(err instanceof UnreadableError)) throw err
      log.error({ owner, reason: err.message }, 'a webhook secret can not be read')
    }
  }
  const bringAll = async () => {
    let cursor = '0'
    do {
      // names are letters, digits, _ and -, and mean themselves in a pattern
      const [next, keys] = await redis.scan(cursor, 'MATCH', `${start}*`, 'COUNT', keysAtOnce)
      for (const key of keys) await bringOne(key.slice(start.length))
      cursor = next
    } while (cursor !== '0' && !isClosed)
  }
  const run = async () => {
    while (isWanted && !isClosed) {
      isWanted = false
      await bringAll().catch((err: unknown) => {
        if (!isClosed) log.warn({ err }, 'webhook secrets were not looked through')
      })
    }
    running = undefined
  }

  onFormsChange(() => {
    isWanted = true
    running ??= run()
  })
  return {
    /** Doesn't wait for Redis. */
    close: () => {
      isClosed = true
    },
  }
}

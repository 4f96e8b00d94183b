import { readFileSync, statSync } from 'node:fs'
import { ConfigError } from '@onqueue/shared'
import type { Logger } from '@onqueue/shared'
import { createKeyFinder, keyIdOf, parseKeys, parseKeysOf } from './api-keys.ts'
import type { StoredKey } from './api-keys.ts'

/** The keys that open this server, of the settings and of the key file. */
export type KeyRing = {
  /** Whether a request needs a key. */
  isKeyNeeded(): boolean
  /** The owner that a key belongs to; undefined when nobody has it (any more). */
  findOwner(key: string): string | undefined
  /** Whether the owner has a key of that id. */
  hasKey(owner: string, keyId: string): boolean
}

const lookAgainAfterMs = 1000

/**
 * Opens the key ring. The file is looked at again at most once a second and read when it changed, so that a key is good
 * or gone without a restart.
 *
 * It only ever gets stricter by itself: once there was a key, one is needed for as long as the process lives, because
 * an API that listens to the network with keys must not open to everybody when the last of them is revoked, or when
 * the file is gone or can't be read. Throws a ConfigError for entries that can't be read at the start; later they are
 * logged and skipped.
 */
export const openKeyRing = ({
  keysText = '',
  file,
  log,
  now = () => performance.now(),
}: {
  /** the value of ONQUEUE_API_KEYS */
  keysText?: string | undefined
  /** the path of the key file, which need not exist */
  file: string
  log: Pick<Logger, 'info' | 'error'>
  now?: () => number
}): KeyRing => {
  const settingsKeys = parseKeysOf('ONQUEUE_API_KEYS', keysText)
  let inFile = readAtStart(file)
  let findOwner = createKeyFinder([...settingsKeys, ...inFile.keys])
  let isKeyNeeded = settingsKeys.length + inFile.keys.length > 0
  let lookedAt = now()

  const refresh = () => {
    if (now() - lookedAt < lookAgainAfterMs) return
    lookedAt = now()
    try {
      const state = stateOf(file)
      if (state === inFile.state) return
      inFile = { state, keys: state === absent ? [] : readValidKeys(file, log) }
      findOwner = createKeyFinder([...settingsKeys, ...inFile.keys])
      isKeyNeeded ||= inFile.keys.length > 0
      log.info({ file, keys: inFile.keys.length }, 'api keys read again')
    } catch (err) {
      log.error({ file, err }, 'the api key file can not be read; the keys read before stay good')
    }
  }

  return {
    isKeyNeeded: () => {
      refresh()
      return isKeyNeeded
    },
    hasKey: (owner, keyId) => {
      refresh()
      return [...settingsKeys, ...inFile.keys].some(
        ({ name, sha256 }) => name === owner && keyIdOf(sha256) === keyId,
      )
    },
    findOwner: (key) => {
      refresh()
      return findOwner(key)
    },
  }
}

const absent = 'absent'

/** Changes whenever the file does: its time alone has too few digits on some file systems. */
const stateOf = (file: string) => {
  const stat = statSync(file, { throwIfNoEntry: false, bigint: true })
  return stat ? `${stat.ino} ${stat.size} ${stat.mtimeNs}` : absent
}

const readAtStart = (file: string) => {
  try {
    const state = stateOf(file)
    return { state, keys: state === absent ? [] : parseKeysOf(file, readFileSync(file, 'utf8')) }
  } catch (err) {
    if (err instanceof ConfigError) throw err
    throw new ConfigError(`the api key file ${file} can't be read; check its owner and mode`, { cause: err })
  }
}

const readValidKeys = (file: string, log: Pick<Logger, 'error'>): StoredKey[] => {
  const { keys, problems } = parseKeys(readFileSync(file, 'utf8'))
  for (const problem of problems) log.error({ file, problem }, 'an entry of the api key file is skipped')
  return keys
}

import { hash, randomBytes, timingSafeEqual } from 'node:crypto'
import { anonymousOwner, ConfigError } from '@onqueue/shared'

/**
 * API keys as they are stored: `name:sha256`, where `name` is the owner of what the key submits and `sha256` the hash
 * of the key, 64 hex digits. A key has 256 random bits, so one round of SHA-256 is enough: there is nothing to guess.
 * A name may stand there twice, with two keys, while its owner changes from one to the other.
 */
export type StoredKey = { name: string; sha256: string }

export const keyNameRule = '1 to 63 of a-z, 0-9 and -, and not "anonymous"'

export const isKeyName = (name: string) => /^[a-z0-9-]{1,63}$/.test(name) && name !== anonymousOwner

/** A new key, to be shown once, and what is stored of it. */
export const createKey = (name: string): { key: string; stored: StoredKey } => {
  const key = `oq_${randomBytes(32).toString('base64url')}`
  return { key, stored: { name, sha256: hash('sha256', key, 'hex') } }
}

/**
 * Keys out of `ONQUEUE_API_KEYS` (separated by commas) or a key file (one a line; `#` starts a comment).
 *
 * `problems` names the place of everything else, and never repeats it: it may be a key that was pasted there.
 */
export const parseKeys = (text: string): { keys: StoredKey[]; problems: string[] } => {
  const keys: StoredKey[] = []
  const problems: string[] = []
  for (const [index, line] of text.split(/[\n,]/).entries()) {
    const entry = line.replace(/#.*/, '').trim()
    if (entry === '') continue
    const [, name = '', sha256 = ''] = /^([^:]*):([0-9a-fA-F]{64})$/.exec(entry) ?? []
    if (isKeyName(name)) keys.push({ name, sha256: sha256.toLowerCase() })
    else problems.push(`entry ${index + 1} is not name:sha256 (name: ${keyNameRule}; sha256: 64 hex digits)`)
  }
  return { keys, problems }
}

/** `parseKeys`, for text that has to be right: throws a ConfigError that names `source` and every problem. */
export const parseKeysOf = (source: string, text: string): StoredKey[] => {
  const { keys, problems } = parseKeys(text)
  if (problems.length === 0) return keys
  throw new ConfigError(
    `${source}: ${problems.join('; ')}. Write keys with: npm run keys -- create NAME (the key itself is never stored)`,
  )
}

/** What says which key it was, and opens nothing. */
export const keyIdOf = (sha256: string) => sha256.slice(0, 16)

/** Finds the name of the stored key that a key is. Takes as long for a wrong key as for a right one. */
export const createKeyFinder = (keys: readonly StoredKey[]) => {
  const known = keys.map(({ name, sha256 }) => ({ name, digest: Buffer.from(sha256, 'hex') }))
  return (key: string): string | undefined => {
    const presented = hash('sha256', key, 'buffer')
    let found: string | undefined
    for (const { name, digest } of known) if (timingSafeEqual(presented, digest)) found = name
    return found
  }
}

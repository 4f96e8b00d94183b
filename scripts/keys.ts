import {
  appendFileSync,
  chmodSync,
  chownSync,
  existsSync,
  readFileSync,
  renameSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { dirname } from 'node:path'
import { parseArgs } from 'node:util'
import { makeFolder } from './bootstrap/make-folder.mjs'
import { createKey, isKeyName, keyNameRule, parseKeysOf } from '../apps/api/src/access/api-keys.ts'
import type { StoredKey } from '../apps/api/src/access/api-keys.ts'
import { keysFileOf, readConfig } from '../apps/api/src/config.ts'

const usage = `Usage:
  npm run keys -- create NAME          makes an API key for NAME and prints it, once
  npm run keys -- create NAME --again  makes one more for the same owner, to change keys without an outage
  npm run keys -- list                 names, and the first digits of each key's SHA-256
  npm run keys -- revoke NAME          takes all keys of NAME away, within a second
  npm run keys -- revoke NAME:DIGITS   takes the one away whose SHA-256 starts with DIGITS (see list)`

/** A command that can't be done as it was typed. The message says what to type instead. */
class UsageError extends Error {
  override readonly name = 'UsageError'
}

/**
 * Runs one command on the key file and answers what to print: `data` on stdout, `note` on stderr, so that
 * `KEY=$(npm run -s keys -- create ci)` is the key alone. Throws UsageError, and ConfigError for a damaged file.
 */
export const runKeysCommand = (
  args: string[],
  { file }: { file: string },
): { data: string; note?: string } => {
  const { command, subject, isAgain } = parseCommand(args)
  const keys = readKeys(file)

  if (command === 'list') return listKeys(keys, file)
  if (command === 'create') return createNamedKey(keys, { name: subject, isAgain, file })
  if (command === 'revoke') return revokeKeys(keys, { subject, file })
  throw new UsageError(command === '' ? usage : `there is no command "${command}".\n${usage}`)
}

const parseCommand = (args: string[]) => {
  try {
    const { values, positionals } = parseArgs({
      args,
      allowPositionals: true,
      options: { again: { type: 'boolean', default: false } },
    })
    const [command = '', subject = '', ...rest] = positionals
    if (rest.length > 0) throw new Error(`"${rest.join(' ')}" is one word too many.`)
    return { command, subject, isAgain: values.again }
  } catch (err) {
    throw new UsageError(`${err instanceof Error ? err.message : String(err)}\n${usage}`)
  }
}

const listKeys = (keys: StoredKey[], file: string) =>
  keys.length > 0
    ? { data: keys.map(({ name, sha256 }) => `${name}\t${sha256.slice(0, 12)}`).join('\n') }
    : { data: '', note: `There are no keys in ${file}. Make one with: npm run keys -- create NAME` }

const createNamedKey = (
  keys: StoredKey[],
  { name, isAgain, file }: { name: string; isAgain: boolean; file: string },
) => {
  if (!isKeyName(name)) {
    throw new UsageError(
      `${name === '' ? 'a key needs a name' : `"${name}" is no name for a key`}: ${keyNameRule}.`,
    )
  }
  if (keys.some((stored) => stored.name === name) && !isAgain) {
    throw new UsageError(
      `${name} has a key already. For a second one with the same predictions: npm run keys -- create ${name} --again. ` +
        `To take the old one away: npm run keys -- revoke ${name}`,
    )
  }
  const { key, stored } = createKey(name)
  appendKey(file, stored)
  return {
    data: key,
    note: `This is the key of ${name}. It is shown only now; ${file} holds its SHA-256 alone.`,
  }
}

const revokeKeys = (keys: StoredKey[], { subject, file }: { subject: string; file: string }) => {
  const [name = '', digits = ''] = subject.split(':')
  const revoked = keys.filter((stored) => stored.name === name && stored.sha256.startsWith(digits))
  if (revoked.length === 0) {
    const known = [...new Set(keys.map((stored) => stored.name))].join(', ') || 'none'
    throw new UsageError(`there is no key "${subject}" in ${file}; keys there: ${known}.`)
  }
  removeKeys(file, revoked)
  return {
    data: '',
    note: `Revoked: ${revoked.length === 1 ? 'one key' : `${revoked.length} keys`} of ${name}.`,
  }
}

const readKeys = (file: string) => (existsSync(file) ? parseKeysOf(file, readFileSync(file, 'utf8')) : [])

/** Appended, so that two that create keys at once keep both. */
const appendKey = (file: string, { name, sha256 }: StoredKey) => {
  makeFolder(dirname(file))
  const endsMidLine = existsSync(file) && /[^\n]$/.test(readFileSync(file, 'utf8'))
  appendFileSync(file, `${endsMidLine ? '\n' : ''}${name}:${sha256}\n`, { mode: 0o600 })
  chmodSync(file, 0o600)
}

/** Moved into place, so that a server never reads half a file; comments and the file's owner stay. */
const removeKeys = (file: string, revoked: StoredKey[]) => {
  const text = revoked.reduce(
    (rest, { name, sha256 }) => rest.replaceAll(new RegExp(`${name}:${sha256}`, 'gi'), ''),
    readFileSync(file, 'utf8'),
  )
  const { uid, gid } = statSync(file)
  const draft = `${file}.${process.pid}`
  writeFileSync(draft, text.replaceAll(/^[,\s]*\n/gm, ''), { mode: 0o600 })
  chownSync(draft, uid, gid)
  renameSync(draft, file)
}

/** A sentence for what the user can mend; anything else keeps its stack. */
const explain = (err: unknown) => {
  if (!(err instanceof Error)) return err
  if (['UsageError', 'ConfigError'].includes(err.name)) return err.message
  return 'syscall' in err
    ? `the key file can't be used (${err.message}): make its folder one that you may write to, or set ONQUEUE_API_KEYS_FILE or ONQUEUE_DATA_DIR to another place`
    : err
}

const main = () => {
  try {
    const file = keysFileOf(readConfig(process.env))
    const { data, note } = runKeysCommand(process.argv.slice(2), { file })
    if (note) console.error(note)
    if (data) console.log(data)
  } catch (err) {
    console.error(explain(err))
    process.exitCode = 1
  }
}

if (import.meta.main) main()

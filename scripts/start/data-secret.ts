import { randomBytes, randomUUID } from 'node:crypto'
import { linkSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { makeFolder } from '../bootstrap/make-folder.mjs'
import { SetupError } from '../bootstrap/setup-error.mjs'

/** The secret of a data folder: 32 random bytes in hex, made once and readable by its owner only. */
export const readOrCreateSecret = (dataDir: string) => {
  const file = join(dataDir, 'secret')
  makeFolder(dataDir)
  createOnce(file, randomBytes(32).toString('hex'))
  const secret = readFileSync(file, 'utf8').trim()
  if (!/^[0-9a-f]{64}$/.test(secret)) {
    throw new SetupError(
      `${file} is damaged: put its 64 hex digits back. Without it, npm start makes a new one, and Idempotency-Keys start over.`,
    )
  }
  return secret
}

/** A link appears whole or not at all, and fails where there is one: of two starts, one makes the secret. */
const createOnce = (file: string, content: string) => {
  const temporary = `${file}.${randomUUID()}`
  writeFileSync(temporary, `${content}\n`, { mode: 0o600 })
  try {
    linkSync(temporary, file)
  } catch (err) {
    if (!(err instanceof Error && 'code' in err && err.code === 'EEXIST')) throw err
  } finally {
    rmSync(temporary)
  }
}

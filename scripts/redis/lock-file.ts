import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { RedisServer, RunsAs } from './redis-server.ts'

/** lock.json of a data folder; without `server` while one is being started. */
export type LockFile = { url: string; server?: RedisServer }

/** Undefined when there is none, or none that we wrote. */
export const readLockFile = (folder: string): LockFile | undefined => {
  try {
    return parseLockFile(JSON.parse(readFileSync(locate(folder), 'utf8')))
  } catch {
    return undefined
  }
}

export const writeLockFile = (folder: string, content: LockFile) => {
  const temporary = `${locate(folder)}.${process.pid}`
  // the URL holds the password
  writeFileSync(temporary, JSON.stringify(content, null, 2), { mode: 0o600 })
  renameSync(temporary, locate(folder))
}

export const removeLockFile = (folder: string) => rmSync(locate(folder), { force: true })

const locate = (folder: string) => join(folder, 'lock.json')

const parseLockFile = (content: unknown): LockFile | undefined => {
  if (!isRecord(content) || typeof content.url !== 'string' || !URL.canParse(content.url)) return undefined
  const { url, server } = content
  const runsAs = isRecord(server) ? parseRunsAs(server.runsAs) : undefined
  if (!isRecord(server) || runsAs === undefined) return { url }
  return { url, server: { url, version: String(server.version), origin: String(server.origin), runsAs } }
}

const parseRunsAs = (content: unknown): RunsAs | undefined => {
  if (!isRecord(content)) return undefined
  if (content.kind === 'process') return { kind: 'process', process: String(content.process) }
  return content.kind === 'container' ? { kind: 'container', name: String(content.name) } : undefined
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null

// A folder as a register of live processes, and a lock made of it. Bare Node >= 20.19: the bootstrap uses it
// before anything is installed.

import { execFileSync } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { makeFolder } from './make-folder.mjs'

/**
 * Names a process for ever, pid and start time in one word; undefined when no such process runs (a zombie doesn't).
 *
 * @param {number} pid
 * @returns {string | undefined}
 */
export const identifyProcess = (pid) => {
  const startTime = process.platform === 'linux' ? readStartTime(pid) : askStartTime(pid)
  return startTime === undefined ? undefined : `${pid}-${startTime}`
}

/** @param {string} identity */
export const isProcessAlive = (identity) => identifyProcess(Number.parseInt(identity, 10)) === identity

/**
 * Enters the register of live processes that `folder` is; the answer leaves it.
 *
 * A process enters a folder by creating a file named `<pid>-<start time>.<uuid>`. A file counts only while that
 * process lives, so whoever was killed has left by itself, and a pid that was given to another process since
 * counts as gone. Because no two entries ever share a name, removing a dead one can't remove somebody's live one.
 *
 * @param {string} folder
 * @returns {() => void}
 */
export const enter = (folder) => {
  makeFolder(folder)
  const file = join(folder, `${identifyProcess(process.pid)}.${randomUUID()}`)
  writeFileSync(file, '')
  return () => rmSync(file, { force: true })
}

/**
 * How many entries of live processes a folder has; the others are removed.
 *
 * @param {string} folder
 */
export const countPresent = (folder) => {
  const names = readdirSync(folder)
  const dead = names.filter((name) => !isProcessAlive(name.split('.')[0] ?? ''))
  for (const name of dead) rmSync(join(folder, name), { force: true })
  return names.length - dead.length
}

/**
 * Runs `body` while nobody else runs one under the same folder.
 *
 * Enter, then look: of two that enter at the same moment, the later one to look sees the other, so never both go
 * on. Whoever is not alone leaves and tries again after a random pause.
 *
 * @template T
 * @param {string} folder
 * @param {() => T | Promise<T>} body
 * @param {{ onWait?: () => void }} [options] `onWait` is called once, when somebody else holds the lock
 * @returns {Promise<T>}
 */
export const withFolderLock = async (folder, body, { onWait = () => {} } = {}) => {
  for (let attempt = 0; ; attempt++) {
    const leave = enter(folder)
    try {
      if (countPresent(folder) === 1) return await body()
    } finally {
      leave()
    }
    // the first retries meet somebody who entered at the same moment, which is not worth a word
    if (attempt === 3) onWait()
    await sleep(10 + Math.random() * 40)
  }
}

/**
 * Field 22 of /proc/<pid>/stat (proc(5)), in clock ticks since the machine started.
 *
 * @param {number} pid
 */
const readStartTime = (pid) => {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    // the second field is the program's name in brackets and may hold spaces and brackets itself
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    return fields[0] === 'Z' ? undefined : fields[19]
  } catch {
    return undefined
  }
}

/** @param {number} pid */
const askStartTime = (pid) => {
  try {
    const answer = execFileSync('ps', ['-o', 'stat=,lstart=', '-p', String(pid)], {
      encoding: 'utf8',
      env: { ...process.env, LC_ALL: 'C', TZ: 'UTC' },
      stdio: ['ignore', 'pipe', 'ignore'],
    }).trim()
    const [state = '', ...startTime] = answer.split(/\s+/)
    return state.startsWith('Z') ? undefined : startTime.join('_').replaceAll(':', '_')
  } catch {
    return undefined
  }
}

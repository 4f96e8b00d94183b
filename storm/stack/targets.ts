import { readdirSync, readlinkSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { batchExecutorsOf } from '../../tests/batches/unfinished-parts.ts'
import type { Victim } from '../plan/plan-blows.ts'
import type { AppPlace } from './app-place.ts'
import { executorsBelow } from './storm-stack.ts'
import type { StormStack } from './storm-stack.ts'

/** Somebody who can be hit now. */
export type Target = {
  name: string
  kill: (downMs: number) => Promise<void>
  freeze: (holdMs: number) => Promise<void>
}

/** Of a kind of victim all that can be hit now. What is of batches is only hit at its work. */
export const targetsOf = ({ redis, places, storage }: StormStack, victim: Victim): Target[] => {
  const workers = up(places.worker).map(({ pid }) => pid)
  switch (victim) {
    case 'redis':
      return [
        { name: 'Redis', kill: (downMs) => redis.kill(downMs), freeze: (holdMs) => redis.freeze(holdMs) },
      ]
    case 'executor':
      return workers.flatMap(executorsBelow).map(toTarget)
    case 'scoring executor':
      return workers.flatMap(batchExecutorsOf).filter(isWriting(storage)).map(toTarget)
    case 'scoring worker':
      return up(places.worker).filter(({ pid }) => batchExecutorsOf(pid).some(isWriting(storage)))
    case 'planner':
      return workers.flatMap(batchExecutorsOf).filter(isPlanning(storage)).map(toTarget)
    case 'planning worker':
      return up(places.worker).filter(({ pid }) => batchExecutorsOf(pid).some(isPlanning(storage)))
    case 'receiving api':
      return up(places.api).filter(({ pid }) => isWriting(storage)(pid))
    case 'worker':
    case 'api':
    case 'webhooks':
      return up(places[victim])
  }
}

/** Those that have a process which is awake. */
const up = (places: readonly AppPlace[]) =>
  places.flatMap((place) => {
    const { pid, name, isUp } = place
    if (pid === undefined || !isUp) return []
    return [{ name, pid, kill: (ms: number) => place.kill(ms), freeze: (ms: number) => place.freeze(ms) }]
  })

/** Puts something into the storage: a part, or a file that is uploaded. */
const isWriting = (storage: string) => (pid: number) =>
  openFilesOf(pid).some((path) => path.startsWith(`${storage}/incoming/`))

/** Reads a file that was uploaded, and makes no part of it. */
const isPlanning = (storage: string) => (pid: number) =>
  openFilesOf(pid).some((path) => path.startsWith(`${storage}/objects/files/`)) && !isWriting(storage)(pid)

const openFilesOf = (pid: number) => {
  const folder = `/proc/${pid}/fd`
  try {
    return readdirSync(folder).flatMap((name) => readLink(`${folder}/${name}`))
  } catch {
    // it ended in this moment
    return []
  }
}

const readLink = (path: string) => {
  try {
    return [readlinkSync(path)]
  } catch {
    return []
  }
}

const toTarget = (pid: number): Target => ({
  name: `executor ${pid}`,
  kill: async () => signal(pid, 'SIGKILL'),
  freeze: async (holdMs) => {
    signal(pid, 'SIGSTOP')
    await sleep(holdMs)
    signal(pid, 'SIGCONT')
  },
})

const signal = (pid: number, name: NodeJS.Signals) => {
  try {
    process.kill(pid, name)
  } catch {
    // it ended in this moment
  }
}

import { readFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'

/**
 * Bytes that this process may still take before something is ended for want of memory: the least of what the machine has
 * and of what each of its cgroups allows (version 1 or 2, those above it included). Undefined where the system tells
 * neither. What the system only keeps of files that were read counts as available, since it gives that back.
 */
export const readAvailableMemory = async (root = '/'): Promise<number | undefined> => {
  const [machine, groups] = await Promise.all([
    readText(join(root, 'proc/meminfo')),
    readText(join(root, 'proc/self/cgroup')),
  ])
  const inGroups = await Promise.all(groupFolders(groups).map((folder) => readGroup(join(root, folder))))
  const ofMachine = numberIn(machine, /^MemAvailable:\s+(\d+) kB/m)
  const known = [ofMachine === undefined ? undefined : ofMachine * 1024, ...inGroups]
  const least = Math.min(...known.flatMap((bytes) => (bytes === undefined ? [] : [bytes])))
  return Number.isFinite(least) ? Math.max(0, least) : undefined
}

/** Of the lines of /proc/self/cgroup, `0::/path` in version 2 and `9:memory:/path` in version 1. */
const groupFolders = (text: string) =>
  [...text.matchAll(/^\d+:(.*):(\/.*)$/gm)].flatMap(([, controllers = '', path = '']) => {
    if (controllers === '') return selfAndAbove(path).map((folder) => join('sys/fs/cgroup', folder))
    return controllers.split(',').includes('memory')
      ? selfAndAbove(path).map((folder) => join('sys/fs/cgroup/memory', folder))
      : []
  })

const selfAndAbove = (path: string): string[] =>
  path === '/' ? [path] : [path, ...selfAndAbove(dirname(path))]

/** Undefined where there is no such group, or it has no limit. */
const readGroup = async (folder: string) => {
  const [max, current, limit, usage, stat] = await Promise.all(
    ['memory.max', 'memory.current', 'memory.limit_in_bytes', 'memory.usage_in_bytes', 'memory.stat'].map(
      (file) => readText(join(folder, file)),
    ),
  )
  const limitBytes = numberIn(max || limit, /^(\d+)$/m)
  const usedBytes = numberIn(current || usage, /^(\d+)$/m)
  if (limitBytes === undefined || usedBytes === undefined) return undefined
  const keptOfFiles =
    numberIn(stat, /^total_inactive_file (\d+)$/m) ?? numberIn(stat, /^inactive_file (\d+)$/m) ?? 0
  return limitBytes - usedBytes + keptOfFiles
}

const numberIn = (text: string | undefined, pattern: RegExp) => {
  const found = pattern.exec(text ?? '')?.[1]
  return found === undefined ? undefined : Number(found)
}

const readText = (path: string) => readFile(path, 'utf8').catch(() => '')

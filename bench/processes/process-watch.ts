import { readdirSync, readFileSync } from 'node:fs'

/** What a process used while it was watched. */
type Usage = {
  peakRssBytes: number
  cpuSeconds: number
  /** how long its main thread could have run and no core was free */
  waitedSeconds: number
}

export type UsageByProcess = Record<string, Usage>

/** Process ids by name. */
export type Processes = Record<string, number>

const intervalMs = 100
const pageBytes = 4096
const ticksPerSecond = 100

/** Watches processes by name: their memory every 100 ms, their CPU time from now to `stop`. Linux only. */
export const watchProcesses = (processes: Processes): { stop: () => UsageByProcess } => {
  const watched = Object.entries(processes).map(([name, pid]) => ({
    name,
    pid,
    cpuBefore: readCpuSeconds(pid),
    waitedBefore: readWaitedSeconds(pid),
    peakRssBytes: readRssBytes(pid),
  }))
  const sample = () => {
    for (const one of watched) one.peakRssBytes = Math.max(one.peakRssBytes, readRssBytes(one.pid))
  }
  const timer = setInterval(sample, intervalMs)
  return {
    stop: () => {
      clearInterval(timer)
      sample()
      return Object.fromEntries(
        watched.map(({ name, pid, cpuBefore, waitedBefore, peakRssBytes }) => [
          name,
          {
            peakRssBytes,
            cpuSeconds: Math.max(0, readCpuSeconds(pid) - cpuBefore),
            waitedSeconds: Math.max(0, readWaitedSeconds(pid) - waitedBefore),
          },
        ]),
      )
    },
  }
}

/** The highest memory and the sums of the times of several watches. */
export const addUsage = (all: readonly UsageByProcess[]): UsageByProcess => {
  const total: UsageByProcess = {}
  for (const [name, usage] of all.flatMap((one) => Object.entries(one))) {
    const former = total[name] ?? { peakRssBytes: 0, cpuSeconds: 0, waitedSeconds: 0 }
    total[name] = {
      peakRssBytes: Math.max(former.peakRssBytes, usage.peakRssBytes),
      cpuSeconds: former.cpuSeconds + usage.cpuSeconds,
      waitedSeconds: former.waitedSeconds + usage.waitedSeconds,
    }
  }
  return total
}

/** A process and all that it started, with their command lines. */
export const findDescendants = (root: number): { pid: number; command: string }[] => {
  const parents = new Map<number, number>()
  for (const name of readdirSync('/proc')) {
    if (/^\d+$/.test(name)) parents.set(Number(name), readParent(Number(name)))
  }
  const isDescendant = (pid: number): boolean => {
    const parent = parents.get(pid)
    return pid === root || (parent !== undefined && parent > 0 && isDescendant(parent))
  }
  return [...parents.keys()]
    .filter(isDescendant)
    .map((pid) => ({ pid, command: readText(`/proc/${pid}/cmdline`).replaceAll('\0', ' ').trim() }))
}

/** proc(5): statm is in pages, resident ones second; in stat the parent is field 4, user and system ticks 14 and 15. */
const readRssBytes = (pid: number) => Number(readText(`/proc/${pid}/statm`).split(' ')[1] ?? 0) * pageBytes

const readCpuSeconds = (pid: number) => {
  const fields = readStat(pid)
  return (Number(fields[11] ?? 0) + Number(fields[12] ?? 0)) / ticksPerSecond
}

/** The second number of schedstat: nanoseconds on a run queue, of the main thread. */
const readWaitedSeconds = (pid: number) => Number(readText(`/proc/${pid}/schedstat`).split(' ')[1] ?? 0) / 1e9

const readParent = (pid: number) => Number(readStat(pid)[1] ?? 0)

/** The fields from the third on: the second is the program's name in brackets, which may hold spaces. */
const readStat = (pid: number) => {
  const stat = readText(`/proc/${pid}/stat`)
  return stat.slice(stat.lastIndexOf(')') + 2).split(' ')
}

/** Empty when the process is gone. */
const readText = (file: string) => {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return ''
  }
}

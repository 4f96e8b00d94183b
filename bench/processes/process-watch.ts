import { readCpuSeconds, readRssBytes, readWaitedSeconds } from './proc.ts'

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

import { readdirSync, readFileSync } from 'node:fs'

const pageBytes = 4096
const ticksPerSecond = 100

/**
 * What Linux tells of processes, see proc(5): statm is in pages, resident ones second; in stat the parent is field 4,
 * user and system ticks 14 and 15. Of a process that is gone, nothing and zeros.
 */
export const listPids = () =>
  readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)

export const readCommand = (pid: number) => readText(`/proc/${pid}/cmdline`).replaceAll('\0', ' ').trim()

export const readParent = (pid: number) => Number(readStat(pid)[1] ?? 0)

export const readRssBytes = (pid: number) =>
  Number(readText(`/proc/${pid}/statm`).split(' ')[1] ?? 0) * pageBytes

/** The most that it has had since it was started. */
export const readPeakRssBytes = (pid: number) =>
  1024 * Number(/^VmHWM:\s+(\d+) kB/m.exec(readText(`/proc/${pid}/status`))?.[1] ?? 0)

/** Proportional set size: a page that several processes share counts in each of them for its share. Costs a millisecond or two. */
export const readPssBytes = (pid: number) =>
  1024 * Number(/^Pss: +(\d+) kB/m.exec(readText(`/proc/${pid}/smaps_rollup`))?.[1] ?? 0)

export const readCpuSeconds = (pid: number) => {
  const fields = readStat(pid)
  return (Number(fields[11] ?? 0) + Number(fields[12] ?? 0)) / ticksPerSecond
}

/** The second number of schedstat: nanoseconds on a run queue, of the main thread. */
export const readWaitedSeconds = (pid: number) =>
  Number(readText(`/proc/${pid}/schedstat`).split(' ')[1] ?? 0) / 1e9

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

import { readFile } from 'node:fs/promises'

/**
 * The most resident memory that this process has had. Not `maxRSS` of the resource usage, which begins with that of the
 * process that forked this one; where the system tells nothing else it is what the process has now.
 */
export const readPeakMemory = async () => {
  const status = await readFile('/proc/self/status', 'utf8').catch(() => '')
  const peakBytes = Number(/^VmHWM:\s+(\d+) kB/m.exec(status)?.[1] ?? 0) * 1024
  return Math.max(peakBytes, process.memoryUsage.rss())
}

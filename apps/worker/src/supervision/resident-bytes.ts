import { readFile } from 'node:fs/promises'

/** Resident memory of a process; 0 where the system has no /proc, or the process is gone. */
export const readResidentBytes = async (pid: number) => {
  const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '')
  return Number(/^VmRSS:\s+(\d+) kB/m.exec(status)?.[1] ?? 0) * 1024
}

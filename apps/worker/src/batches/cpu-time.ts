import { readFile } from 'node:fs/promises'

/** What Linux counts CPU time in, on every machine that Node runs on. */
const tickMs = 10

/** CPU time that a process has used, all its threads together; undefined where the system has no /proc, or the process is gone. */
export const readCpuMs = async (pid: number): Promise<number | undefined> => {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => undefined)
  // behind the name, which may have anything in it: the state is field 3, and the times in user and system mode are 14 and 15
  const fields = stat?.slice(stat.lastIndexOf(')') + 2).split(' ')
  return fields && tickMs * (Number(fields[11]) + Number(fields[12]))
}

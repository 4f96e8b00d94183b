import { listPids, readCommand, readParent } from './proc.ts'

/** A process and all that it started, with their command lines. */
export const findDescendants = (root: number) => {
  const parents = new Map(listPids().map((pid) => [pid, readParent(pid)]))
  const isDescendant = (pid: number): boolean => {
    const parent = parents.get(pid)
    return pid === root || (parent !== undefined && parent > 0 && isDescendant(parent))
  }
  return [...parents.keys()].filter(isDescendant).map((pid) => ({ pid, command: readCommand(pid) }))
}

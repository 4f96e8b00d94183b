import { totalmem } from 'node:os'

const pattern = /Failed to allocate memory for requested buffer of size (\d+)/

/** What a machine, or its cgroup, has at the most: no other time is a better one for what needs more. */
const machineBytes = () => Math.min(totalmem(), process.constrainedMemory() || Infinity)

/**
 * Why runs that failed will never do here, as a sentence: each needed more memory at once than there is. Undefined where one of them failed of
 * something else.
 */
export const explainBeyondMemory = (
  failures: readonly string[],
  memoryBytes = machineBytes(),
): string | undefined => {
  const needed = failures.map((failure) => Number(pattern.exec(failure)?.[1] ?? 0))
  const least = Math.min(...needed)
  if (failures.length === 0 || least <= memoryBytes) return undefined
  return `a run takes ${toGigabytes(least)} GB of memory at once, and this machine has ${toGigabytes(memoryBytes)}; where a row of callers takes less, give it as the example in model.yaml`
}

const toGigabytes = (bytes: number) => Math.ceil(bytes / 1e9)

import { join } from 'node:path'
import { startBenchProcess } from './bench-process.ts'

/** Processes that keep a core busy each. */
export const startSpinners = async (count: number) => {
  const spinners = await Promise.all(
    Array.from({ length: count }, () => startBenchProcess(join(import.meta.dirname, 'spin-process.ts'))),
  )
  return {
    close: async () => {
      await Promise.all(spinners.map(({ close }) => close()))
    },
  }
}

import { join } from 'node:path'
import { z } from 'zod'
import { startBenchProcess } from '../processes/bench-process.ts'

/** Adds predictions to a BullMQ that nobody takes them from, in a process of its own. */
export type FlowProducer = {
  pid: number
  /** Adds so many, 256 at a time, each as a plain job or as the child of its webhook; how many a second. */
  add: (options: { as: AddedAs; count: number }) => Promise<number>
  close: () => Promise<void>
}

export type AddedAs = 'job' | 'flow'

const addedSchema = z.object({ perSecond: z.number() })

export const openFlowProducer = async (redis: { url: string }): Promise<FlowProducer> => {
  const process = await startBenchProcess(join(import.meta.dirname, 'flow-producer-process.ts'))
  await process.tell({ type: 'open', redisUrl: redis.url })
  return {
    pid: process.pid,
    add: async ({ as, count }) =>
      (await process.ask({ type: 'add', as, prefix: 'bench-flow', count }, addedSchema)).perSecond,
    close: process.close,
  }
}

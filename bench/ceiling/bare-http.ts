import { join } from 'node:path'
import { z } from 'zod'
import { startBenchProcess } from '../processes/bench-process.ts'
import type { BenchProcess } from '../processes/bench-process.ts'

/** What a server once answered to a request. */
export type Recording = { method: string; path: string; body: string; status: number; answer: string }

/**
 * `node:http` that answers recorded requests as they were answered then, and does nothing else: the ceiling of what a
 * server can do over HTTP on Node.
 */
export const startBareHttp = async (
  recordings: readonly Recording[],
): Promise<{ url: string; process: BenchProcess }> => {
  const process = await startBenchProcess(join(import.meta.dirname, 'bare-http-process.ts'))
  const { port } = await process.ask({ recordings }, z.object({ port: z.int() }))
  return { url: `http://127.0.0.1:${port}`, process }
}

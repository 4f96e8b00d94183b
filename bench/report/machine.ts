import { readFile } from 'node:fs/promises'
import { availableParallelism, cpus, loadavg, release, totalmem } from 'node:os'
import { join } from 'node:path'
import { z } from 'zod'
import type { Plan } from '../measure/plan.ts'

/** Where and with what was measured. */
export type Machine = {
  cpu: string
  cores: number
  memoryGb: number
  kernel: string
  /** average of the last minute when the bench began: near 0 on a machine that does nothing else */
  loadBefore: number
  versions: Record<string, string>
}

const packages = ['bullmq', 'ioredis', 'onnxruntime-node', 'hono', '@hono/node-server']
const lockFileSchema = z.object({
  packages: z.record(z.string(), z.object({ version: z.string().optional() })),
})

export const describeMachine = async (): Promise<Machine> => ({
  cpu: cpus()[0]?.model ?? 'unknown',
  cores: availableParallelism(),
  memoryGb: Math.round(totalmem() / 1e9),
  kernel: release(),
  loadBefore: loadavg()[0] ?? NaN,
  versions: { node: process.version, ...(await readVersions()) },
})

/** The first lines of the report. */
export const toHeading = (
  { cpu, cores, memoryGb, kernel, versions }: Machine,
  { startedAt, plan }: { startedAt: Date; plan: Plan },
) => {
  const software = Object.entries(versions).map(([name, version]) => `${name} ${version}`)
  return [
    `OnQueue bench, ${startedAt.toISOString()}: ${cores} × ${cpu}, ${memoryGb} GB, Linux ${kernel}`,
    `${software.join(', ')}; ${plan.rounds} round(s)`,
  ].join('\n')
}

const readVersions = async (): Promise<Record<string, string>> => {
  const text = await readFile(join(import.meta.dirname, '../../package-lock.json'), 'utf8')
  const lockFile = lockFileSchema.parse(JSON.parse(text))
  return Object.fromEntries(
    packages.map((name) => [name, lockFile.packages[`node_modules/${name}`]?.version ?? 'unknown']),
  )
}

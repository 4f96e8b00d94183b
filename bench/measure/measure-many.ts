import { setTimeout as sleep } from 'node:timers/promises'
import { z } from 'zod'
import { sum } from '../figures/statistics.ts'
import { demoModelDir } from '../models/model-dirs.ts'
import { findDescendants } from '../processes/find-descendants.ts'
import { readCpuSeconds } from '../processes/proc.ts'
import { pollUntil } from '../stack/poll-until.ts'
import { startOnQueue } from '../stack/start-onqueue.ts'
import { readMemory } from './measure-memory.ts'
import type { MemoryUse } from './measure-memory.ts'

/** So many copies of a tiny model in one worker: until all are ready, and what it takes while nobody asks for anything. */
export type Many = {
  models: number
  /** from `npm start` on */
  readyAfterS: number
  /** proportional set size */
  memory: MemoryUse
  /** of worker and executors together */
  servingBytes: number
  executors: number
  /** of one core, worker and executors together */
  servingCpuShare: number
  /** all that `npm start` runs, Redis too */
  cpuShare: number
}

const models = 100
const settleMs = 10_000
const watchMs = 20_000
const patienceMs = 180_000

const listSchema = z.object({ results: z.array(z.object({ status: z.string() })) })

export const measureMany = async (): Promise<Many> => {
  await using opened = new AsyncDisposableStack()
  const startedAt = performance.now()
  const onqueue = await startOnQueue({ modelDir: demoModelDir, copies: models })
  opened.defer(onqueue.close)
  await pollUntil(
    async () => {
      const response = await fetch(`${onqueue.url}/v1/models`)
      const { results } = listSchema.parse(await response.json())
      return results.filter(({ status }) => status === 'ready').length === models
    },
    { everyMs: 100, patienceMs, otherwise: 'not all models were ready' },
  )
  const readyAfterS = (performance.now() - startedAt) / 1000

  await sleep(settleMs)
  const before = readCpu(onqueue.pid)
  const watchedAt = performance.now()
  await sleep(watchMs)
  const watchedS = (performance.now() - watchedAt) / 1000
  const after = readCpu(onqueue.pid)
  const cpuOf = (isMeant: (command: string) => boolean) =>
    sum(
      after.map(({ pid, command, seconds }) =>
        isMeant(command) ? seconds - (secondsOf(before, pid) ?? 0) : 0,
      ),
    )
  const memory = readMemory(onqueue.pid)
  return {
    models,
    readyAfterS,
    memory,
    servingBytes: (memory.bytes['worker'] ?? 0) + (memory.bytes['executor'] ?? 0),
    executors: after.filter(({ command }) => isExecutor(command)).length,
    servingCpuShare: cpuOf((command) => isExecutor(command) || command.includes('apps/worker/')) / watchedS,
    cpuShare: cpuOf(() => true) / watchedS,
  }
}

const readCpu = (npmPid: number) =>
  findDescendants(npmPid).map((one) => ({ ...one, seconds: readCpuSeconds(one.pid) }))

const secondsOf = (read: ReturnType<typeof readCpu>, pid: number) =>
  read.find((one) => one.pid === pid)?.seconds

const isExecutor = (command: string) => /^onqueue-executor|executor-process\.ts/.test(command)

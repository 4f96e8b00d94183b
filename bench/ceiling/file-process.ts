import { z } from 'zod'
import type { Probe } from '../../apps/worker/src/executor/probe.ts'
import { answerParent } from '../processes/answer-parent.ts'
import { loadProbe } from './load-probe.ts'
import { scoreFileBare } from './score-file-bare.ts'

const requestSchema = z.discriminatedUnion('type', [
  z.object({ type: z.literal('load'), modelDir: z.string() }),
  z.object({
    type: z.literal('score'),
    input: z.string(),
    output: z.string(),
    format: z.enum(['csv', 'jsonl', 'parquet']),
    microBatchRows: z.int(),
  }),
])

let probe: Probe | undefined

answerParent(async (message) => {
  const request = requestSchema.parse(message)
  if (request.type === 'load') {
    probe = await loadProbe(request.modelDir)
    return {}
  }
  if (!probe) throw new Error('load a model first')
  const before = process.cpuUsage()
  const startedAt = performance.now()
  await scoreFileBare(probe, request)
  const { user, system } = process.cpuUsage(before)
  return { cpuMs: (user + system) / 1000, clockMs: performance.now() - startedAt }
})

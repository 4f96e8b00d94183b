import { join } from 'node:path'
import { startChunkScorer } from '../ceiling/chunk-scorer.ts'
import type { ChunkScorer } from '../ceiling/chunk-scorer.ts'
import { rateOf, summarizeRounds } from '../figures/statistics.ts'
import type { Rounds } from '../figures/statistics.ts'
import { makeCsv } from '../models/batch-files.ts'
import { demoModelDir } from '../models/model-dirs.ts'
import type { Plan } from './plan.ts'

/** Rows a second of CPU time of scoring chunks, and of a bare loop before and after each. */
export type ChunkSpeed = {
  model: string
  output: 'jsonl' | 'csv' | 'parquet'
  bare: Rounds
  chunks: Rounds
  shareOfBare: Rounds
}

const files = [
  { model: 'iris', output: 'jsonl' },
  { model: 'iris', output: 'csv' },
  { model: 'housing', output: 'jsonl' },
  { model: 'housing', output: 'parquet' },
] as const

export const measureChunk = async (plan: Plan): Promise<ChunkSpeed[]> => {
  const speeds: ChunkSpeed[] = []
  for (const { model, output } of files) {
    const modelDir = join(demoModelDir, '..', model)
    const scorer = await startChunkScorer({ modelDir, csv: await makeCsv(modelDir, plan.batchRows), output })
    try {
      speeds.push({ model, output, ...(await compare(scorer, plan)) })
    } finally {
      await scorer.close()
    }
  }
  return speeds
}

const compare = async (scorer: ChunkScorer, { rounds }: Plan) => {
  const score = async (by: 'bare' | 'chunks') => {
    const { rows, crc, cpuMs } = await scorer.score(by)
    return { crc, perSecond: rateOf(rows, cpuMs) }
  }
  await score('chunks')
  const bare = [await score('bare')]
  const chunks: typeof bare = []
  for (let round = 0; round < 2 * rounds + 1; round++) {
    chunks.push(await score('chunks'))
    bare.push(await score('bare'))
  }
  if (new Set([...bare, ...chunks].map(({ crc }) => crc)).size > 1) {
    throw new Error('scoring chunks did not make what the bare loop made')
  }
  const beside = (round: number) =>
    ((bare[round]?.perSecond ?? NaN) + (bare[round + 1]?.perSecond ?? NaN)) / 2
  return {
    bare: summarizeRounds(bare.map(({ perSecond }) => perSecond)),
    chunks: summarizeRounds(chunks.map(({ perSecond }) => perSecond)),
    shareOfBare: summarizeRounds(chunks.map(({ perSecond }, round) => perSecond / beside(round))),
  }
}

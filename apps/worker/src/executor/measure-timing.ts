import type { Loaded } from './protocol.ts'

const budgetMs = 300
const mostRuns = 5

/** Runs rows together, and resolves to how long that took, all included. */
type MeasureRun = (rows: unknown[]) => Promise<number>

/**
 * How long a run takes with one row and with a full micro-batch. The model has run before. Where a full micro-batch would
 * take long, a smaller one is measured.
 */
export const measureTiming = async (options: {
  measureRun: MeasureRun
  samples: unknown[]
  maxRows: number
  now: () => number
}): Promise<Loaded['timing']> => {
  const { measureRun, samples, maxRows, now } = options
  if (samples.length === 0) return { oneRowMs: 1, batchRows: 1, batchMs: 1 }
  const oneRowMs = await fastestRun({ measureRun, rows: samples.slice(0, 1), now })
  const batchRows = Math.max(1, Math.min(maxRows, Math.floor(budgetMs / oneRowMs)))
  if (batchRows === 1) return { oneRowMs, batchRows, batchMs: oneRowMs }
  const rows = Array.from({ length: batchRows }, (_, index) => samples[index % samples.length])
  return { oneRowMs, batchRows, batchMs: await fastestRun({ measureRun, rows, now }) }
}

/** The fastest of a few runs: what slows a run down is not the model. */
const fastestRun = async ({
  measureRun,
  rows,
  now,
}: {
  measureRun: MeasureRun
  rows: unknown[]
  now: () => number
}) => {
  const started = now()
  let fastest = Infinity
  for (let runs = 0; runs < mostRuns && (runs === 0 || now() - started < budgetMs); runs++) {
    fastest = Math.min(fastest, await measureRun(rows))
  }
  return fastest
}

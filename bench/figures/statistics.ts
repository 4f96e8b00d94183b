/** One figure measured several times. */
export type Rounds = { median: number; lowest: number; highest: number; rounds: number[] }

export const summarizeRounds = (rounds: number[]): Rounds => ({
  median: median(rounds),
  lowest: Math.min(...rounds),
  highest: Math.max(...rounds),
  rounds,
})

/** Latencies in milliseconds. */
export type Latency = { p50: number; p95: number; p99: number }

export const summarizeLatency = (samplesMs: readonly number[]): Latency => {
  const sorted = samplesMs.toSorted((a, b) => a - b)
  return { p50: percentile(sorted, 0.5), p95: percentile(sorted, 0.95), p99: percentile(sorted, 0.99) }
}

/** Of several rounds, each percentile's median. */
export const medianLatency = (rounds: readonly Latency[]): Latency => ({
  p50: median(rounds.map(({ p50 }) => p50)),
  p95: median(rounds.map(({ p95 }) => p95)),
  p99: median(rounds.map(({ p99 }) => p99)),
})

export const median = (values: readonly number[]) => {
  const sorted = values.toSorted((a, b) => a - b)
  const middle = sorted.length / 2
  return sorted.length % 2 === 1
    ? (sorted[Math.floor(middle)] ?? NaN)
    : ((sorted[middle - 1] ?? NaN) + (sorted[middle] ?? NaN)) / 2
}

export const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0)

/** So many in so long, by the second. */
export const rateOf = (count: number, ms: number) => (1000 * count) / ms

/** The value below which a share of the samples lie. `sorted` is ascending and not empty. */
const percentile = (sorted: readonly number[], share: number) =>
  sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? NaN

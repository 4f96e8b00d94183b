import type { Latency, Rounds } from '../figures/statistics.ts'

/** A line of the report: its name, then its cells, in columns. */
export const row = (name: string, ...cells: string[]) =>
  [name.padEnd(26), ...cells.map((cell) => cell.padEnd(8))].join('  ').trimEnd()

/** Of several rounds the median, with the lowest and the highest in brackets. */
export const spread = ({ median, lowest, highest, rounds }: Rounds, format: (value: number) => string) =>
  rounds.length === 1 ? format(median) : `${format(median)} [${format(lowest)}–${format(highest)}]`

export const percentiles = ({ p50, p95, p99 }: Latency) =>
  `p50 ${two(p50)}  p95 ${two(p95)}  p99 ${two(p99)} ms`

export const count = (value: number) => Math.round(value).toLocaleString('en')
export const percent = (value: number) => `${(100 * value).toFixed(1)} %`
export const times = (value: number) => `${value.toFixed(2)}×`
export const one = (value: number) => value.toFixed(1)
export const two = (value: number) => value.toFixed(2)
export const megabytes = (bytes: number) => `${count(bytes / 1e6)} MB`.padStart(7)

import type { Speed } from '../figures/speed.ts'
import { sum } from '../figures/statistics.ts'
import { count, row } from './cells.ts'

/** What each process used: peak memory, CPU in all rounds, CPU for each of what was finished, wait for a core. */
export const usageRows = (title: string, { usage, finished }: Pick<Speed, 'usage' | 'finished'>) => {
  const all = Object.values(usage)
  const cpuSeconds = sum(all.map((one) => one.cpuSeconds))
  return [
    ...Object.entries(usage).map(([name, one], index) =>
      row(
        index === 0 ? title : '',
        name.padEnd(16),
        `${count(one.peakRssBytes / 1e6)} MB`.padStart(7),
        ...cpuCells(one.cpuSeconds, finished),
        `${one.waitedSeconds.toFixed(1)} s`.padStart(8),
      ),
    ),
    row('', 'together'.padEnd(16), ''.padEnd(7), ...cpuCells(cpuSeconds, finished)),
  ]
}

const cpuCells = (cpuSeconds: number, finished: number) => [
  `${cpuSeconds.toFixed(1)} s`.padStart(8),
  `${count((1e6 * cpuSeconds) / finished)} µs`.padStart(9),
]

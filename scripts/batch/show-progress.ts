import type { WatchedBatch } from './batch-client.ts'

const barWidth = 24

/** How far a batch is, in a line; the bar is for terminals. */
export const showProgress = (batch: WatchedBatch, { hasBar }: { hasBar: boolean }): string => {
  const { status, counts, rows_per_second: pace, eta } = batch
  const done = counts.completed + counts.failed
  if (status === 'validating') return 'waiting for its turn'
  const parts = [
    ...(counts.total === null ? [] : [`${percentOf(done, counts.total)} %`]),
    `${counted(done)}${counts.total === null ? '' : ` of ${counted(counts.total)}`} rows`,
    ...(pace === null ? [] : [`${counted(Math.round(pace))} rows/s`]),
    ...(eta === null ? [] : [`${showSeconds(eta)} left`]),
    ...(counts.failed === 0 ? [] : [`${counted(counts.failed)} failed`]),
  ]
  const line = parts.join(', ')
  return hasBar && counts.total !== null ? `${barOf(done, counts.total)} ${line}` : line
}

/** 100 only where it is all. */
const percentOf = (done: number, total: number) => (total === 0 ? 100 : Math.floor((done / total) * 100))

const barOf = (done: number, total: number) => {
  const filled = Math.floor((percentOf(done, total) / 100) * barWidth)
  return `[${'#'.repeat(filled)}${'-'.repeat(barWidth - filled)}]`
}

/** In the same way on every machine. */
export const counted = (rows: number) => rows.toLocaleString('en-US')

const showSeconds = (seconds: number) => {
  if (seconds < 60) return `${seconds} s`
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ${seconds % 60} s`
  return `${Math.floor(seconds / 3600)} h ${Math.floor((seconds % 3600) / 60)} min`
}

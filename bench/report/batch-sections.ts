import type { BatchSpeed } from '../measure/compare-batch.ts'
import type { Batches } from '../measure/measure-batch.ts'
import { count, megabytes, one, percent, percentiles, row, spread, times, two } from './cells.ts'
import type { Section } from './sections.ts'
import { usageRows } from './usage-rows.ts'

export const batchSections = ({ files, small, executors, memory }: Batches): Section[] => [
  {
    title:
      'Batches end to end, rows per second of CPU of API, worker and batch executors, beside a script of the same parser, task and writer',
    rows: files.map((speed) =>
      row(
        titleOf(speed),
        `script ${spread(speed.bare, count)}`,
        `batch ${spread(speed.batch, count)}`,
        spread(speed.shareOfBare, percent),
        `executors alone ${spread(speed.executorShare, percent)}`,
        `${spread(speed.byClock, count)} rows/s by the clock`,
        `${speed.microBatchRows} rows a run`,
      ),
    ),
  },
  {
    title: 'Processes meanwhile, as above, for each row',
    rows: files.flatMap((speed) => usageRows(titleOf(speed), speed)),
  },
  {
    title: `A file of ${small.rows} rows, executors warm, from its submit until its output is here`,
    rows: [row('', percentiles(small.ms), `a script takes ${two(small.computeMs)} ms`)],
  },
  {
    title: 'Two batch executors of one, rows a second by the clock while they score',
    rows: [
      row('one', spread(executors.one, one)),
      row('two', spread(executors.two, one), spread(executors.times, times)),
      row('two scripts of one', '', spread(executors.bareTimes, times)),
    ],
  },
  {
    title: `Peak memory of processes that scored ${count(memory.rows.few)} and ${count(memory.rows.many)} rows`,
    rows: Object.entries(memory.many).map(([part, many]) =>
      row(part, megabytes(memory.few[part]?.median ?? NaN), spread(many, megabytes)),
    ),
  },
]

const titleOf = ({ model, format }: BatchSpeed) => `${model}, ${format.toUpperCase()}`

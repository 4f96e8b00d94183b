import type { ChunkSpeed } from '../measure/measure-chunk.ts'
import { count, percent, row, spread } from './cells.ts'
import type { Section } from './sections.ts'

export const chunkSections = (speeds: ChunkSpeed[]): Section[] => [
  {
    title:
      'Scoring chunks of CSV (and Parquet to Parquet), rows per second of CPU, beside a bare loop of the same parser, task and writer (and of hyparquet)',
    rows: speeds.map(({ model, output, bare, chunks, shareOfBare }) =>
      row(
        `${model} to ${output.toUpperCase()}`,
        `bare ${spread(bare, count)}`,
        `chunks ${spread(chunks, count)}`,
        spread(shareOfBare, percent),
      ),
    ),
  },
]

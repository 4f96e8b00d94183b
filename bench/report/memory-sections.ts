import type { Many } from '../measure/measure-many.ts'
import type { Memory } from '../measure/measure-memory.ts'
import { megabytes, one, percent, row } from './cells.ts'
import type { Section } from './sections.ts'

export const memorySections = ({ idle, underLoad }: Memory): Section[] => [
  {
    title: 'Memory (PSS) of all processes of npm start, three models: at rest, and after 64 and 256 clients',
    rows: [
      ...Object.keys(underLoad.bytes).map((part) =>
        row(part, megabytes(idle.bytes[part] ?? 0), megabytes(underLoad.bytes[part] ?? 0)),
      ),
      row('together', megabytes(idle.totalBytes), megabytes(underLoad.totalBytes)),
    ],
  },
]

export const manySections = ({
  models,
  readyAfterS,
  memory,
  servingBytes,
  executors,
  servingCpuShare,
  cpuShare,
}: Many): Section[] => [
  {
    title: `${models} tiny models in one worker, at rest`,
    rows: [
      row('from npm start until all are ready', `${one(readyAfterS)} s`),
      row('executors', `${executors}`),
      row('memory (PSS) of worker and executors', megabytes(servingBytes)),
      row('memory (PSS) of all processes', megabytes(memory.totalBytes)),
      row('CPU of worker and executors, of one core', percent(servingCpuShare)),
      row('CPU of all processes, of one core', percent(cpuShare)),
    ],
  },
]

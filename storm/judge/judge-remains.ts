import type { Evidence, Violation } from './evidence.ts'

/** What is left when all is over: no counter above nothing, no key that nobody knows, no process and no file. */
export const judgeRemains = ({
  census,
  defects,
  leftovers,
}: Pick<Evidence, 'census' | 'defects' | 'leftovers'>): Violation[] => [
  ...Object.entries(census.counters).flatMap(([name, count]) =>
    count === 0 ? [] : [{ rule: 'counter wrong', id: name, what: `is ${count} when nothing is under way` }],
  ),
  ...census.strangers.map((id) => ({ rule: 'key unknown', id, what: 'is no name of OnQueue' })),
  ...census.orphans.map((id) => ({ rule: 'key left', id, what: 'its prediction is gone' })),
  ...defects.map(({ name, what, log }) => ({ rule: 'process died', id: name, what: `${what}: ${log}` })),
  ...leftovers.processes.map((id) => ({ rule: 'process left', id, what: 'still runs' })),
  ...leftovers.files.map((id) => ({ rule: 'file left', id, what: 'in the folder for temporary files' })),
]

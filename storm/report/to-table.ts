import type { Violation } from '../judge/evidence.ts'
import type { Tally } from './tally.ts'

const mostShown = 20
const columns = ['sent', 'tries', 'accepted', 'refused', 'unknown', 'not told'] as const

/** The report for a terminal: what was sent, what was done to it, and what was found. */
export const toTable = ({
  seed,
  seconds,
  tally,
  violations,
  more = [],
}: {
  seed: number
  seconds: Record<string, number>
  tally: Tally
  violations: readonly Violation[]
  /** lines about what is beside the predictions */
  more?: readonly string[]
}) => {
  const kinds = Object.entries(tally.kinds).map(
    ([kind, { wanted, tries, accepted, refused, unknown, untold }]) =>
      [kind, [wanted, tries, accepted, refused, unknown, untold]] as const,
  )
  const totals = columns.map((_, column) => kinds.reduce((sum, [, cells]) => sum + (cells[column] ?? 0), 0))
  return [
    `Storm of seed ${seed}: ${listOf(seconds, 's')}`,
    '',
    line('kind of submit', columns),
    ...kinds.map(([kind, cells]) => line(kind, cells)),
    line('all', totals),
    '',
    `Dealt: ${listOf(tally.blows)}`,
    `Answers: ${listOf(tally.reasons)}`,
    `Found: ${listOf(tally.statuses)}`,
    `Not told, and found: ${listOf(tally.untold)}`,
    `Webhooks: ${listOf(tally.webhooks)}`,
    ...more,
    '',
    ...verdict(violations),
  ].join('\n')
}

const verdict = (violations: readonly Violation[]) => {
  if (violations.length === 0) return ['Nothing was lost, mixed up, changed, doubled or left behind.']
  const byRule = Map.groupBy(violations, ({ rule }) => rule)
  return [
    `${violations.length} VIOLATIONS: ${[...byRule].map(([rule, group]) => `${group.length} ${rule}`).join(', ')}`,
    ...[...byRule].flatMap(([, group]) =>
      group.slice(0, mostShown).map(({ rule, id, what }) => `  ${rule}: ${id} ${what.slice(0, 1000)}`),
    ),
  ]
}

const line = (name: string, cells: readonly (number | string)[]) =>
  [name.padEnd(24), ...cells.map((cell) => String(cell).padStart(9))].join('')

const listOf = (values: Record<string, number>, unit = '') =>
  Object.entries(values)
    .map(([name, value]) => `${name} ${value.toLocaleString('en')}${unit && ` ${unit}`}`)
    .join(', ') || 'nothing'

import { adviceFor } from './advice.ts'
import { nameOf } from './check-models.ts'
import type { CheckedVersion } from './check-version.ts'
import { escapeControls } from '../commands/escape-controls.ts'
import type { GoldenReport } from './run-golden.ts'
import { showColumns } from './show-columns.ts'
import { showSize } from '../commands/show-size.ts'

/** A table of versions, and below it what there is to say of each in whole sentences. */
export const showChecks = (checked: readonly CheckedVersion[]): string[] => {
  const notes = checked.flatMap((one) => {
    const said = notesOf(one)
    return said.length > 0 ? ['', nameOf(one), ...said.map((note) => `  ${note}`)] : []
  })
  return [...showColumns([titles, ...checked.map(rowOf)]), ...notes.map(escapeControls)]
}

const titles = [
  'model',
  'status',
  'task',
  'batching',
  'ms a row',
  'ms a full run',
  'memory',
  'warnings',
  'golden',
]

const rowOf = (checked: CheckedVersion): string[] => {
  const { status, found, golden } = checked
  const described = found ? describeFound(found) : ['', '', '', '', '', '']
  return [nameOf(checked), status, ...described, showGolden(golden)]
}

const describeFound = ({ interface: offered, timing, memoryBytes }: NonNullable<CheckedVersion['found']>) => [
  offered.task,
  offered.batching.enabled ? `up to ${offered.batching.maxRows} rows` : 'off',
  showMs(timing.oneRowMs),
  `${showMs(timing.batchMs)} (${timing.batchRows} ${timing.batchRows === 1 ? 'row' : 'rows'})`,
  showSize(memoryBytes),
  String(offered.warnings.length),
]

const showGolden = ({ passed, cases }: GoldenReport) => (cases === 0 ? '' : `${passed}/${cases}`)

const showMs = (ms: number) => (ms < 10 ? ms.toPrecision(2) : String(Math.round(ms)))

/** Golden cases beyond these are only counted: the first ones tell what is wrong. */
const mostFailures = 5

const notesOf = ({ status, reason, found, exampleProblem, golden }: CheckedVersion): string[] => {
  const { batching, warnings = [] } = found?.interface ?? {}
  return [
    ...(reason === null ? [] : [`${status}: ${reason}.`]),
    ...(status === 'not loaded' ? [notLoaded] : []),
    ...(batching?.reason ? [`rows run alone: ${withAdvice(batching.reason)}`] : []),
    ...warnings.map((warning) => `warning: ${warning}.`),
    ...(exampleProblem === null ? [] : [`its example can't be run: ${exampleProblem}.`]),
    ...golden.failures.slice(0, mostFailures).map(describeFailure),
    ...describeRest(golden),
  ]
}

const notLoaded =
  'A worker would try it again and again. Where a made-up row is to blame, give an `example` in model.yaml: then only variations of it are tried.'

const withAdvice = (reason: string) => {
  const whatToDo = adviceFor(reason)
  return whatToDo === undefined ? `${reason}.` : `${reason}. What to do: ${whatToDo}.`
}

const describeFailure = ({ case: index, pointer, detail }: GoldenReport['failures'][number]) =>
  `golden case ${index}: ${pointer === '' ? '' : `at ${pointer} `}${detail}.`

const describeRest = ({ cases, passed, failures }: GoldenReport) => {
  const more = failures.length - mostFailures
  const notRun = cases - passed - failures.length
  return [
    ...(more > 0 ? [`golden: ${counted(more)} wrong, too.`] : []),
    ...(notRun > 0 && failures.length > 0 ? [`golden: ${counted(notRun)} not run after that.`] : []),
  ]
}

const counted = (cases: number) => (cases === 1 ? '1 more case is' : `${cases} more cases are`)

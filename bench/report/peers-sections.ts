import type { PeerKill } from '../measure/measure-kills.ts'
import type { PeersComparison } from '../measure/measure-peers.ts'
import { peerKinds } from '../measure/peer-figures.ts'
import type { PeerFigure, PeerKind } from '../measure/peer-figures.ts'
import { count, one, row, spread, times, two } from './cells.ts'
import type { Section } from './sections.ts'

/** Each kind of figure by server, the kills, and all of it in short as a table in Markdown. */
export const peersSections = ({ figures, kills, absent }: PeersComparison): Section[] => [
  ...peerKinds.map((kind) => ({
    title: titles[kind],
    rows: figures.filter((figure) => figure.kind === kind).map(toRow),
  })),
  {
    title: `heavy model, 128 clients, SIGKILL of one process that runs it: calls that failed, and for how long`,
    rows: kills.map(toKillRow),
  },
  { title: 'In short: OnQueue itself, and the others as multiples of it', rows: toTable(figures, kills) },
  ...(absent.length > 0 ? [{ title: 'Not measured here', rows: absent }] : []),
]

const titles: Record<PeerKind, string> = {
  predict:
    'Peers, tiny model: predict, 64 clients; CPU is that of all processes of the server, its Redis too',
  submit: 'Peers, tiny model: submit and poll, 64 clients; of BullMQ no-op jobs',
  idle: 'Peers, tiny model: one caller, p50; of BullMQ a no-op job, completed event',
  memory: 'Peers, tiny model: memory (PSS) of all processes after that',
  quiet: 'Peers, heavy model: predict, 128 clients, started on a quiet machine',
  busy: 'Peers, heavy model: predict, 128 clients, started beside two spinning processes that have ended',
}

const formats: Record<PeerKind, (value: number) => string> = {
  predict: (value) => `${count(value)}/s`,
  submit: (value) => `${count(value)}/s`,
  idle: (value) => `${two(value)} ms`,
  memory: (value) => `${count(value / 1e6)} MB`,
  quiet: (value) => `${one(value)}/s`,
  busy: (value) => `${one(value)}/s`,
}

const toRow = ({ name, kind, figure, timesOnQueue, microsEach }: PeerFigure) =>
  row(
    name,
    spread(figure, formats[kind]).padEnd(34),
    name === 'OnQueue' ? ''.padEnd(20) : spread(timesOnQueue, times).padEnd(20),
    microsEach === undefined ? '' : `${count(microsEach)} µs CPU each`,
  )

const toKillRow = ({ name, answered, refused, unanswered, troubledMs, slowestMs }: PeerKill) =>
  row(
    name,
    `${count(answered)} answered`.padEnd(16),
    `${count(refused)} failed`.padEnd(14),
    `${count(unanswered)} never answered`.padEnd(22),
    `until ${one(troubledMs / 1000)} s after it`.padEnd(24),
    `slowest answer ${one(slowestMs / 1000)} s`,
  )

const headings: Record<PeerKind, string> = {
  predict: 'predict',
  submit: 'submit and poll',
  idle: 'idle p50',
  memory: 'memory',
  quiet: 'heavy',
  busy: 'heavy, busy start',
}

const toTable = (figures: readonly PeerFigure[], kills: readonly PeerKill[]) => {
  const names = [...new Set(figures.map(({ name }) => name))]
  const cellOf = (name: string, kind: PeerKind) => {
    const found = figures.find((one) => one.name === name && one.kind === kind)
    if (!found) return '–'
    return name === 'OnQueue' ? formats[kind](found.figure.median) : times(found.timesOnQueue.median)
  }
  const killOf = (wanted: string) => {
    const kill = kills.find(({ name }) => name === wanted)
    return kill ? `${count(kill.refused + kill.unanswered)} for ${one(kill.troubledMs / 1000)} s` : '–'
  }
  return [
    toLine(['', ...peerKinds.map((kind) => headings[kind]), 'failed by a kill']),
    toLine(['---', ...peerKinds.map(() => '---'), '---']),
    ...names.map((name) => toLine([name, ...peerKinds.map((kind) => cellOf(name, kind)), killOf(name)])),
  ]
}

const toLine = (cells: readonly string[]) => `| ${cells.join(' | ')} |`

import type { Failures } from '../figures/failures.ts'
import { median, summarizeRounds } from '../figures/statistics.ts'
import type { Rounds } from '../figures/statistics.ts'

/** What is measured of a server and held against OnQueue's: calls a second, milliseconds when idle, bytes. */
export const peerKinds = ['predict', 'submit', 'idle', 'memory', 'quiet', 'busy'] as const
export type PeerKind = (typeof peerKinds)[number]

export type PeerMeasure = Failures & {
  figure: number
  /** CPU of all its processes for each call */
  microsEach?: number
}

/** One round of a measurement, and OnQueue's figure in it. */
export type PeerSample = PeerMeasure & { name: string; kind: PeerKind; onqueue: number }

export type PeerFigure = {
  name: string
  kind: PeerKind
  figure: Rounds
  timesOnQueue: Rounds
  microsEach: number | undefined
}

/** Of each server and kind the rounds, in the order in which they first came. */
export const toPeerFigures = (samples: readonly PeerSample[]): PeerFigure[] =>
  [...Map.groupBy(samples, ({ name, kind }) => `${kind} ${name}`).values()].flatMap((rounds) => {
    const [first] = rounds
    const micros = rounds.flatMap(({ microsEach }) => microsEach ?? [])
    return first
      ? {
          name: first.name,
          kind: first.kind,
          figure: summarizeRounds(rounds.map(({ figure }) => figure)),
          timesOnQueue: summarizeRounds(rounds.map(({ figure, onqueue }) => figure / onqueue)),
          microsEach: micros.length === 0 ? undefined : median(micros),
        }
      : []
  })

import { addFailures } from '../figures/failures.ts'
import type { Contender } from '../peers/contender.ts'
import { openEntrant } from '../peers/entrant.ts'
import type { Called, Entrant } from '../peers/entrant.ts'
import type { PeerKind, PeerMeasure } from './peer-figures.ts'
import type { Plan } from './plan.ts'

/** What is held against OnQueue on the tiny model: a server, or a yardstick that is none. */
export type Competitor = { name: string; open: () => Promise<Competing> }

export type Competing = {
  warmUp: () => Promise<unknown>
  /** by what it can do; in the order in which it is measured */
  measures: ReadonlyMap<PeerKind, () => Promise<PeerMeasure>>
  close: () => Promise<void>
}

const clients = 64

export const toCompetitor = (contender: Contender, plan: Plan): Competitor => ({
  name: contender.name,
  open: async () => toCompeting(await openEntrant(contender, 'tiny'), plan),
})

export const toCompeting = (entrant: Entrant, { predictMs, roundTrips }: Plan): Competing => {
  const { predict, submit, readPssBytes, close } = entrant
  const measures = new Map<PeerKind, () => Promise<PeerMeasure>>([
    ['predict', async () => toRate(await predict({ clients, durationMs: predictMs }))],
  ])
  if (submit) {
    measures.set('submit', async () => toRate(await submit({ clients, durationMs: predictMs })))
  }
  measures.set('idle', async () => {
    const { report, failures, examples } = await predict({ clients: 1, durationMs: roundTrips * 2 })
    return { figure: report.latencyMs.p50, failures, examples }
  })
  measures.set('memory', async () => ({ figure: readPssBytes(), ...addFailures([]) }))
  return {
    warmUp: async () => {
      await predict({ clients, durationMs: predictMs / 2 })
      await submit?.({ clients, durationMs: predictMs / 2 })
    },
    measures,
    close,
  }
}

const toRate = ({ perSecond, microsEach, failures, examples }: Called): PeerMeasure => ({
  figure: perSecond,
  microsEach,
  failures,
  examples,
})

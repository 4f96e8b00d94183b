import { seededRandom } from '../../tests/support/random.ts'

/** Whoever has to do with a batch is hit in the middle of its work; any other just as it is. */
export type Victim =
  | 'executor'
  | 'worker'
  | 'api'
  | 'webhooks'
  | 'redis'
  | 'scoring executor'
  | 'scoring worker'
  | 'planner'
  | 'planning worker'
  | 'receiving api'

/** One thing that is done to the processes. */
export type Blow = {
  /** `kill`: SIGKILL, and another one is started in its place. `freeze`: SIGSTOP, later SIGCONT. */
  kind: 'kill' | 'freeze'
  victim: Victim
  /** which of those that there are, from 0 to below 1 */
  pick: number
  /** before it, in ms */
  pauseMs: number
  /** how long the place of one that was killed stays empty, or one that froze stays frozen, in ms */
  downMs: number
}

type Dose = Pick<Blow, 'kind' | 'victim'> & {
  /** of so many predictions one blow */
  oneIn: number
  downMs: readonly [least: number, most: number]
}

/** Beyond the 15 s of a worker's lock, and the lease of a delivery. */
export const pastTheLock = [17_000, 22_000] as const
/** A Redis or an API that is silent for as long as its callers give up. */
const silence = [500, 3000] as const

/** What 20,000 predictions are sent through: 130 + 90 executors and workers, 24 of each app, 22 times Redis. */
const doses: readonly Dose[] = [
  { kind: 'kill', victim: 'executor', oneIn: 154, downMs: [0, 0] },
  { kind: 'kill', victim: 'worker', oneIn: 222, downMs: [0, 1000] },
  { kind: 'kill', victim: 'api', oneIn: 833, downMs: [0, 500] },
  { kind: 'kill', victim: 'webhooks', oneIn: 833, downMs: [0, 1000] },
  { kind: 'kill', victim: 'redis', oneIn: 909, downMs: [0, 2500] },
  { kind: 'freeze', victim: 'worker', oneIn: 4000, downMs: pastTheLock },
  { kind: 'freeze', victim: 'webhooks', oneIn: 6000, downMs: pastTheLock },
  { kind: 'freeze', victim: 'api', oneIn: 5000, downMs: silence },
  { kind: 'freeze', victim: 'redis', oneIn: 5000, downMs: silence },
]

const longestPauseMs = 1000

/** What is done to the processes while so many predictions are sent: all of it follows from the seed. */
export const planBlows = ({ seed, predictions }: { seed: number; predictions: number }): Blow[] => {
  const random = seededRandom(seed)
  const blows = doses.flatMap(({ kind, victim, oneIn, downMs: [least, most] }) =>
    Array.from({ length: Math.ceil(predictions / oneIn) }, () => ({
      kind,
      victim,
      pick: random(),
      pauseMs: Math.round(random() * longestPauseMs),
      downMs: Math.round(least + random() * (most - least)),
    })),
  )
  return shuffle(blows, random)
}

export const shuffle = <Item>(items: readonly Item[], random: () => number): Item[] =>
  items
    .map((item) => ({ item, place: random() }))
    .sort((a, b) => a.place - b.place)
    .map(({ item }) => item)

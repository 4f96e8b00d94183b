import { inParallel } from '../../tests/support/in-parallel.ts'
import { seededRandom } from '../../tests/support/random.ts'
import type { Pace } from '../plan/pace.ts'
import type { SubmitKind } from './submit-kind.ts'
import { Turn } from './turn.ts'
import type { TurnOptions } from './turn.ts'

/** Clients at any time. Many wait for a worker that was killed, for as long as its lock lasts. */
const clients = 128

export type ClientOptions = Pick<TurnOptions, 'ledger' | 'urls' | 'receiverUrls' | 'quickModels'> & {
  seed: number
}

/** Has every prediction made, each at its time. Resolves when the last client has what it wanted, or gave up. */
export const runClients = (
  kinds: readonly SubmitKind[],
  { pace, ...options }: ClientOptions & { pace: Pace },
) =>
  inParallel(kinds.length, clients, async (ordinal) => {
    await pace.untilPrediction(ordinal)
    const kind = kinds[ordinal]
    if (kind) await runTurn(kind, ordinal, options)
  })

/** One client, the ordinal counted from 0. */
export const runTurn = (kind: SubmitKind, ordinal: number, { seed, ...options }: ClientOptions) =>
  kind.run(
    new Turn({
      ...options,
      ordinal,
      kind: kind.name,
      name: `storm-${seed}`,
      // a sequence of its own: what a client draws does not hang on what others do meanwhile
      random: seededRandom(Math.imul(seed, 0x9e3779b1) + ordinal),
    }),
  )

import { Yardstick } from '../figures/yardstick.ts'
import type { Contender } from '../peers/contender.ts'
import { openEntrant } from '../peers/entrant.ts'
import { onqueue } from '../peers/onqueue.ts'
import { recordBareHttp } from '../peers/record-bare-http.ts'
import { toCompeting, toCompetitor } from './competitor.ts'
import { toNoopCompetitor } from './noop-competitor.ts'
import type { PeerKind, PeerSample } from './peer-figures.ts'
import type { Plan } from './plan.ts'

/**
 * The tiny model, whose cost is the server's. OnQueue is up all the time, the others one at a time beside it: each of their
 * measurements lies between two of OnQueue's.
 */
export const compareTiny = async (contenders: readonly Contender[], plan: Plan): Promise<PeerSample[]> => {
  const entrant = await openEntrant(onqueue, 'tiny')
  try {
    const competitors = [
      ...contenders.map((contender) => toCompetitor(contender, plan)),
      toCompetitor(await recordBareHttp(entrant.url), plan),
      toNoopCompetitor(plan),
    ]
    const own = toCompeting(entrant, plan)
    await own.warmUp()
    const samples: PeerSample[] = []
    const yardsticks = new Map<PeerKind, Yardstick>()
    for (const [kind, measure] of own.measures) {
      const measureOwn = async () => {
        const measured = await measure()
        samples.push({ ...measured, name: onqueue.name, kind, onqueue: measured.figure })
        return measured.figure
      }
      yardsticks.set(kind, await Yardstick.start(measureOwn))
    }
    for (let round = 0; round < plan.rounds; round++) {
      for (const { name, open } of competitors) {
        const competing = await open()
        try {
          await competing.warmUp()
          for (const [kind, yardstick] of yardsticks) {
            const measure = competing.measures.get(kind)
            if (!measure) continue
            const { result, mean } = await yardstick.beside(measure)
            samples.push({ ...result, name, kind, onqueue: mean })
          }
        } finally {
          await competing.close()
        }
      }
    }
    return samples
  } finally {
    await entrant.close()
  }
}

import { Yardstick } from '../figures/yardstick.ts'
import type { Contender } from '../peers/contender.ts'
import { openEntrant } from '../peers/entrant.ts'
import { onqueue } from '../peers/onqueue.ts'
import { startSpinners } from '../processes/spinners.ts'
import type { PeerMeasure, PeerSample } from './peer-figures.ts'
import type { Plan } from './plan.ts'

/** The machine while a server starts. */
const starts = ['quiet', 'busy'] as const
type Start = (typeof starts)[number]

const clients = 128
const spinners = 2

/**
 * The expensive model, served by one server at a time, which is started anew for each measurement: on a quiet machine, or
 * beside processes that spin and have ended when it is measured. A round of the others lies between two of OnQueue.
 */
export const compareHeavy = async (contenders: readonly Contender[], plan: Plan): Promise<PeerSample[]> => {
  const samples: PeerSample[] = []
  const startYardstick = (start: Start) =>
    Yardstick.start(async () => {
      const measured = await measureHeavy(onqueue, { start, plan })
      samples.push({ ...measured, name: onqueue.name, kind: start, onqueue: measured.figure })
      return measured.figure
    })
  const yardsticks = [
    { start: 'quiet', yardstick: await startYardstick('quiet') },
    { start: 'busy', yardstick: await startYardstick('busy') },
  ] as const
  for (let round = 0; round < plan.rounds; round++) {
    for (const { start, yardstick } of yardsticks) {
      const { result, mean } = await yardstick.beside(async () => {
        const measured: (PeerMeasure & { name: string })[] = []
        for (const contender of contenders) {
          measured.push({ ...(await measureHeavy(contender, { start, plan })), name: contender.name })
        }
        return measured
      })
      samples.push(...result.map((measured) => ({ ...measured, kind: start, onqueue: mean })))
    }
  }
  return samples
}

const measureHeavy = async (
  contender: Contender,
  { start, plan: { predictMs } }: { start: Start; plan: Plan },
): Promise<PeerMeasure> => {
  const entrant = await (start === 'busy' ? openBesideSpinners(contender) : openEntrant(contender, 'heavy'))
  try {
    // until all of its processes take part
    await entrant.predict({ clients, durationMs: predictMs / 2 })
    const measured = await entrant.predict({ clients, durationMs: predictMs })
    const { perSecond, microsEach, failures, examples } = measured
    return { figure: perSecond, microsEach, failures, examples }
  } finally {
    await entrant.close()
  }
}

const openBesideSpinners = async (contender: Contender) => {
  const busy = await startSpinners(spinners)
  try {
    return await openEntrant(contender, 'heavy')
  } finally {
    await busy.close()
  }
}

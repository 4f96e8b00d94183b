import { addFailures } from '../figures/failures.ts'
import type { Failures } from '../figures/failures.ts'
import { onqueue } from '../peers/onqueue.ts'
import { openPeers } from '../peers/open-peers.ts'
import { compareHeavy } from './compare-heavy.ts'
import { compareTiny } from './compare-tiny.ts'
import { measureKills } from './measure-kills.ts'
import type { PeerKill } from './measure-kills.ts'
import { toPeerFigures } from './peer-figures.ts'
import type { PeerFigure } from './peer-figures.ts'
import type { Plan } from './plan.ts'

/** OnQueue beside what people take instead of it. */
export type PeersComparison = Failures & {
  figures: PeerFigure[]
  kills: PeerKill[]
  /** the peers that could not be measured here, each with the reason */
  absent: string[]
}

export const measurePeers = async (plan: Plan): Promise<PeersComparison> => {
  const { contenders, absent, close } = await openPeers()
  try {
    const samples = [...(await compareTiny(contenders, plan)), ...(await compareHeavy(contenders, plan))]
    const kills = await measureKills([onqueue, ...contenders], plan)
    return { figures: toPeerFigures(samples), kills, absent, ...addFailures([...samples, ...kills]) }
  } finally {
    await close()
  }
}

import { setTimeout as sleep } from 'node:timers/promises'
import type { Failures } from '../figures/failures.ts'
import type { CallReport } from '../load/callers.ts'
import type { Contender } from '../peers/contender.ts'
import { openEntrant } from '../peers/entrant.ts'
import type { Plan } from './plan.ts'

/** What callers notice when one of the processes that run the model is killed under load. Wrong answers are failures. */
export type PeerKill = Failures & {
  name: string
  answered: number
  /** calls that had an error for an answer, or none because their connection was cut */
  refused: number
  /** calls that nobody had answered after 45 s */
  unanswered: number
  /** from the kill until the last of these */
  troubledMs: number
  /** the longest that a caller waited for a right answer */
  slowestMs: number
}

const clients = 128
const beforeMs = 2000
const afterMs = 8000
const patienceMs = 45_000

/** The heavy model, so that the process has rows under way when it is killed. Once each: it is counted, not timed. */
export const measureKills = async (
  contenders: readonly Contender[],
  { predictMs }: Plan,
): Promise<PeerKill[]> => {
  const kills: PeerKill[] = []
  for (const contender of contenders) {
    const entrant = await openEntrant(contender, 'heavy')
    try {
      await entrant.predict({ clients, durationMs: predictMs / 2 })
      const [{ report }, killedAt] = await Promise.all([
        entrant.predict({ clients, durationMs: beforeMs + afterMs, patienceMs }),
        sleep(beforeMs).then(() => {
          entrant.killModelProcess()
          return Date.now()
        }),
      ])
      kills.push({ name: contender.name, ...toEffect(report, killedAt) })
    } finally {
      await entrant.close()
    }
  }
  return kills
}

const toEffect = ({ answered, slowestMs, wrong, troubles }: CallReport, killedAt: number) => {
  const unanswered = troubles.filter(({ isUnanswered }) => isUnanswered).length
  return {
    answered,
    refused: troubles.length - unanswered,
    unanswered,
    troubledMs: troubles.reduce((longest, { endedAt }) => Math.max(longest, endedAt - killedAt), 0),
    slowestMs,
    ...wrong,
  }
}

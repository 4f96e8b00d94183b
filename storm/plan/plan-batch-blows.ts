import { seededRandom } from '../../tests/support/random.ts'
import type { Blow } from './plan-blows.ts'
import { pastTheLock, shuffle } from './plan-blows.ts'

/**
 * What of a batch goes on, one after the other but for planning and scoring. How far each is, is counted in bytes: those of the
 * upload that came, those of the file that are planned, those of the output that are written into parts. `end` begins with the end.
 */
export const stages = ['upload', 'plan', 'parts', 'end'] as const
export type Stage = (typeof stages)[number]

/** A blow that is dealt when so much of a stage is done, from 0 to 1. */
export type BatchBlow = Blow & { share: number }

type Dose = Pick<Blow, 'kind' | 'victim'> & { count: number; downMs: readonly [least: number, most: number] }

/** A stage that is nearly over may be over before it is looked at. */
const lastShare = 0.97
/** Fewer are over before all blows are dealt. */
const wholeRows = 250_000

/** What a million rows are sent through: 45 kills, two of them of Redis, and a worker that is frozen. */
const doses: Record<Stage, readonly Dose[]> = {
  upload: [{ kind: 'kill', victim: 'receiving api', count: 1, downMs: [0, 500] }],
  plan: [
    { kind: 'kill', victim: 'planner', count: 4, downMs: [0, 0] },
    { kind: 'kill', victim: 'planning worker', count: 1, downMs: [0, 1000] },
  ],
  parts: [
    { kind: 'kill', victim: 'scoring executor', count: 17, downMs: [0, 0] },
    { kind: 'kill', victim: 'scoring worker', count: 9, downMs: [0, 1000] },
    { kind: 'kill', victim: 'api', count: 4, downMs: [0, 500] },
    { kind: 'kill', victim: 'webhooks', count: 5, downMs: [0, 1000] },
    { kind: 'kill', victim: 'redis', count: 2, downMs: [0, 2500] },
    { kind: 'freeze', victim: 'scoring worker', count: 1, downMs: pastTheLock },
  ],
  end: [
    { kind: 'kill', victim: 'webhooks', count: 1, downMs: [0, 1000] },
    { kind: 'kill', victim: 'api', count: 1, downMs: [0, 500] },
  ],
}

/** What is done to the processes while a batch of so many rows is scored, by its stages: all of it follows from the seed. */
export const planBatchBlows = ({
  seed,
  rows,
}: {
  seed: number
  rows: number
}): Record<Stage, BatchBlow[]> => {
  const random = seededRandom(seed)
  const planStage = (stage: Stage) => {
    const blows = doses[stage].flatMap(({ kind, victim, count, downMs: [least, most] }) =>
      Array.from({ length: Math.ceil(Math.min(1, rows / wholeRows) * count) }, () => ({
        kind,
        victim,
        pick: random(),
        pauseMs: 0,
        downMs: Math.round(least + random() * (most - least)),
      })),
    )
    // one somewhere in each of as many equal parts as there are blows
    return shuffle(blows, random).map((blow, index) => ({
      ...blow,
      share: stage === 'end' ? 0 : ((index + random()) / blows.length) * lastShare,
    }))
  }
  return {
    upload: planStage('upload'),
    plan: planStage('plan'),
    parts: planStage('parts'),
    end: planStage('end'),
  }
}

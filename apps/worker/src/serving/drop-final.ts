import { levelOf } from '@onqueue/shared'
import type { Logger } from '@onqueue/shared'
import type { Work } from './work.ts'

/**
 * Drops those of some predictions that ended in the meantime: canceled, expired, or run by another worker. Those that are
 * fresh are not looked at: hardly one can have ended, and an outcome is written once, so nothing but time could be lost.
 */
export type DropFinal = (works: Work[]) => Promise<void>

export const createDropFinal =
  ({
    model,
    areFinal,
    log,
  }: {
    model: string
    /** which of these predictions are final already */
    areFinal: (ids: string[]) => Promise<boolean[]>
    log: Logger
  }): DropFinal =>
  async (taken) => {
    const now = performance.now()
    const works = taken.filter(({ freshUntil }) => freshUntil <= now)
    if (works.length === 0) return
    // where it can't be found out they run: an outcome is written once, so nothing but time is lost
    const final = await areFinal(works.map((work) => work.id)).catch((err: unknown) => {
      log[levelOf(err)]({ err, model }, 'outcomes could not be looked up')
      return []
    })
    for (const [index, work] of works.entries()) if (final[index]) work.drop()
  }

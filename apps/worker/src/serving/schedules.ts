import type { ExecutorSupervisor } from '../supervision/executor-supervisor.ts'
import { Schedule } from './schedule.ts'
import type { ExpectRun, Slot, Suspect } from './schedule.ts'

type Options = {
  supervisor: Pick<ExecutorSupervisor, 'giveUp'> & { readonly slots: readonly Slot[] }
  expectRun: ExpectRun
  /** see `Schedule` */
  onRoom: () => void
}

/**
 * The schedules of the executors of a version, one for each of its slots. When the version is to have fewer of them, the
 * schedule of one that is too many is *surplus* until its last run has ended, and goes with its executor then.
 */
export class Schedules {
  readonly #options: Options
  readonly #present = new Map<Slot, Schedule>()
  readonly #surplus = new Set<Schedule>()

  constructor(options: Options) {
    this.#options = options
    this.follow()
  }

  /** Those that may be sent something, the one with the least to do first. */
  list() {
    return [...this.#present.values()].sort((a, b) => a.running - b.running)
  }

  /** Has suspects run in the executor that has the fewest of them. */
  accuse(suspects: Suspect[]) {
    const [fewest] = this.list().sort((a, b) => a.suspects.length - b.suspects.length)
    fewest?.suspects.push(...suspects)
  }

  /** The slots may be others than before, or a run has ended. */
  follow() {
    const { supervisor, expectRun, onRoom } = this.#options
    for (const slot of supervisor.slots)
      if (!this.#present.has(slot)) this.#present.set(slot, new Schedule({ slot, expectRun, onRoom }))
    for (const [slot, schedule] of this.#present) {
      if (supervisor.slots.includes(slot)) continue
      this.#present.delete(slot)
      this.#surplus.add(schedule)
      schedule.close()
    }
    for (const schedule of this.#surplus) if (schedule.running === 0) this.#giveUp(schedule)
  }

  close() {
    for (const schedule of this.list()) schedule.close()
  }

  #giveUp(schedule: Schedule) {
    this.#surplus.delete(schedule)
    this.accuse(schedule.suspects)
    // it never rejects
    void this.#options.supervisor.giveUp(schedule.slot)
  }
}

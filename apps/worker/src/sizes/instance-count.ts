import { planInstances } from '../supervision/plan-instances.ts'

/** So many runs in a row have to ask for another number of executors, since loading one costs more than a few runs. */
const patience = 32

/** How many executors a version with `instances: auto` is to have, by what its rows compute. */
export class InstanceCount {
  readonly #cores: number
  #asking = 0

  constructor(cores: number) {
    this.#cores = cores
  }

  /**
   * A run was measured. Returns how many executors there are to be in place of those at present; undefined where they are to
   * stay. Asks again, as patiently, while they are not there.
   */
  ran({ rowMs, present }: { rowMs: number; present: number }): number | undefined {
    const wanted = planInstances({ rowMs, cores: this.#cores, present })
    this.#asking = wanted === present ? 0 : this.#asking + 1
    if (this.#asking < patience) return undefined
    this.#asking = 0
    return wanted
  }
}

import { withVerdict } from './describe-version.ts'
import type { VersionDescription } from './describe-version.ts'
import type { Executor } from './executor.ts'
import type { ExecutorSlot } from './executor-slot.ts'

/** What is known of a version: what its first executor found, and what rows showed that ran later. */
export class KnownVersion {
  #description: VersionDescription
  /** rows that share a run, where it was proven by such as ran */
  #sharedRows: number | undefined

  constructor(description: VersionDescription) {
    this.#description = description
  }

  get description() {
    return this.#description
  }

  /** Has executors find out whether rows may share a run, by those that they ran. Resolves to whether that is known now. */
  async proveIn(slots: () => readonly Pick<ExecutorSlot, 'executor'>[]): Promise<boolean> {
    for (const { executor } of slots()) {
      const verdict = await executor?.prove()
      if (!verdict || verdict.isUndecided) continue
      this.#description = withVerdict(this.#description, verdict)
      if (verdict.reason === null) this.#sharedRows = verdict.maxRows
      for (const slot of slots()) if (slot.executor) this.tell(slot.executor)
      return true
    }
    return false
  }

  /** Tells an executor what another one has proven. */
  tell(executor: Pick<Executor, 'share'>) {
    if (this.#sharedRows !== undefined) executor.share(this.#sharedRows)
  }
}

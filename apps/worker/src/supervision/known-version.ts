import { withVerdict } from './describe-version.ts'
import type { VersionDescription } from './describe-version.ts'
import type { Executor } from './executor.ts'

/** The place of an executor, which may be empty. */
type Slot = { readonly executor: Pick<Executor, 'prove' | 'share'> | undefined }

/** What is known of a version: what its first executor found, and what rows showed that ran later. */
export class KnownVersion {
  #description: VersionDescription
  /** rows that may share a run, once such as ran have shown it */
  #maxRows: number | undefined

  constructor(description: VersionDescription) {
    this.#description = description
  }

  get description() {
    return this.#description
  }

  /**
   * Has executors find out whether rows may share a run, by those that they ran. Resolves to whether that is known now. Each has
   * rows of its own: what showed the least counts.
   */
  async proveIn(slots: () => readonly Slot[]): Promise<boolean> {
    const verdicts = await Promise.all(slots().flatMap(({ executor }) => executor?.prove() ?? []))
    const decided = verdicts.flatMap((verdict) => (verdict && !verdict.isUndecided ? verdict : []))
    const [verdict] = decided.toSorted((a, b) => a.maxRows - b.maxRows)
    if (!verdict) return false
    this.#description = withVerdict(this.#description, verdict)
    this.#maxRows = verdict.maxRows
    for (const { executor } of slots()) if (executor) this.tell(executor)
    return true
  }

  /** Tells an executor what was shown. */
  tell(executor: Pick<Executor, 'share'>) {
    if (this.#maxRows !== undefined) executor.share(this.#maxRows)
  }
}

import type { VersionDescription } from '../supervision/describe-version.ts'
import type { ExecutorSupervisor } from '../supervision/executor-supervisor.ts'
import type { KnownVersion } from '../supervision/known-version.ts'

type Known = Pick<KnownVersion, 'proveIn'> & { description: Pick<VersionDescription, 'isUndecided'> }

type Options = {
  supervisor: { known: Known; slots: ExecutorSupervisor['slots'] }
  /** it must have had nothing to do for so long */
  idleMs: number
  isBusy: () => boolean
  /** what is known of the version tells of it */
  onKnown: () => void
}

/**
 * Has a version find out whether rows may share a run, where that did not show when it was loaded: by the rows that it runs, once
 * some have run and nothing is to be done, until it is known.
 */
export class ProofWhenIdle {
  readonly #options: Options
  readonly #timer: NodeJS.Timeout | undefined
  /** micro-batches, and how many there were at the last look and at the last try */
  #ran = 0
  #seen = 0
  #tried = 0
  #isTrying = false

  constructor(options: Options) {
    this.#options = options
    if (options.supervisor.known.description.isUndecided)
      this.#timer = setInterval(() => void this.#look(), options.idleMs).unref()
  }

  /** A micro-batch ran. */
  ran() {
    this.#ran += 1
  }

  close() {
    clearInterval(this.#timer)
  }

  async #look() {
    const { isBusy, supervisor, onKnown } = this.#options
    const hasRunLately = this.#ran !== this.#seen
    this.#seen = this.#ran
    if (this.#isTrying || isBusy() || hasRunLately || this.#ran === this.#tried) return
    this.#tried = this.#ran
    this.#isTrying = true
    const isKnown = await supervisor.known.proveIn(() => supervisor.slots)
    this.#isTrying = false
    if (!isKnown) return
    this.close()
    onKnown()
  }
}

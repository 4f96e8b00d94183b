/** What a look at a batch executor shows. */
type Look = {
  /** in ms, by a clock */
  now: number
  /** what the process has computed since it was started, in ms */
  cpuMs: number
  /** it neither reads, nor writes, nor waits for somebody */
  isComputing: boolean
}

export type Limits = {
  /** rows that compute for longer hang */
  cpuMs: number
  /** what does not move for so long hangs, whatever it computes */
  clockMs: number
  /** of wanting to compute; undefined where starving can't be helped */
  starvedAfterMs: number | undefined
}

/** Less of a core than this is starving; at nice 10 it would be about a tenth. */
const starvedShare = 0.05

/**
 * Whether a batch executor makes progress, by looks at it now and then. It has no deadline by the clock, for it only gets what
 * others leave of the cores: what counts is what it computes. Rows *hang* that compute for too long; it *starves* where it wants
 * to compute and hardly gets to, for about a minute.
 */
export class Progress {
  readonly #limits: Limits
  #hasMoved = true
  /** the first look since it moved */
  #base: Look | undefined
  #last: Look | undefined
  #running = { wallMs: 0, cpuMs: 0 }

  constructor(limits: Limits) {
    this.#limits = limits
  }

  /** It said something. */
  moved() {
    this.#hasMoved = true
  }

  look(look: Look): 'hangs' | 'starves' | undefined {
    this.#count(look)
    if (this.#hasMoved || !this.#base) {
      this.#base = look
      this.#hasMoved = false
    }
    const { cpuMs, clockMs } = this.#limits
    if (look.isComputing && look.cpuMs - this.#base.cpuMs > cpuMs) return 'hangs'
    if (look.now - this.#base.now > clockMs) return 'hangs'
    return this.#isStarving() ? 'starves' : undefined
  }

  /** Only what lies between two looks at which it computes: whoever waits for a disk does not starve. */
  #count(look: Look) {
    const last = this.#last
    this.#last = look
    if (!last?.isComputing || !look.isComputing) return
    this.#running.wallMs += look.now - last.now
    this.#running.cpuMs += look.cpuMs - last.cpuMs
  }

  #isStarving() {
    const { wallMs, cpuMs } = this.#running
    if (wallMs < (this.#limits.starvedAfterMs ?? Infinity)) return false
    this.#running = { wallMs: 0, cpuMs: 0 }
    return cpuMs < starvedShare * wallMs
  }
}

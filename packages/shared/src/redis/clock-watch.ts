import type { Logger } from '../process/logger.ts'

/** From here on somebody should set a clock: log lines can't be put in order any more. */
const maxApartMs = 2000
/** Clocks that stay around the limit are not told of again and again. */
const fineMs = 1000

/**
 * Whether the process's own clock is one to be told of.
 *
 *     fine ──more than 2 s apart: logged──▶ apart ──less than 1 s: logged──▶ fine
 */
export class ClockWatch {
  readonly #log: Pick<Logger, 'warn' | 'info'>
  /** how far the own clock is ahead, since that was told */
  #toldMs: number | undefined

  constructor(log: Pick<Logger, 'warn' | 'info'>) {
    this.#log = log
  }

  /** `aheadMs`: of the own clock before Redis'; the distance may be wrong by `vaguenessMs`. */
  see(aheadMs: number, { vaguenessMs }: { vaguenessMs: number }) {
    const apartMs = Math.abs(aheadMs)
    if (apartMs - vaguenessMs > maxApartMs) {
      if (this.#toldMs === undefined) this.#log.warn({ aheadSeconds: toSeconds(aheadMs), remedy }, apart)
      this.#toldMs = aheadMs
    } else if (this.#toldMs !== undefined && apartMs < fineMs) {
      this.#toldMs = undefined
      this.#log.info(
        { aheadSeconds: toSeconds(aheadMs) },
        "this machine's clock and that of Redis agree again",
      )
    }
  }

  /** A sentence, while they are apart. */
  warnings(): string[] {
    if (this.#toldMs === undefined) return []
    const direction = this.#toldMs > 0 ? 'ahead of' : 'behind'
    return [
      `this machine's clock is ${Math.abs(toSeconds(this.#toldMs))} s ${direction} that of Redis: ${remedy}; what is done to predictions goes by that of Redis`,
    ]
  }
}

const apart = "this machine's clock is not that of Redis"
const remedy = 'set the one that is wrong, by NTP say'

const toSeconds = (ms: number) => Math.round(ms / 100) / 10

import type { ToExecutor, Verdict } from '../executor/protocol.ts'

/** What an executor is asked beside its runs: whether rows of a version may share one. Versions are told by their place. */
export class Proofs {
  readonly #send: (message: ToExecutor) => void
  readonly #waiting = new Map<number, (verdict: Verdict | undefined) => void>()

  constructor(send: (message: ToExecutor) => void) {
    this.#send = send
  }

  /** Has it find out by the rows that it ran, between others. Resolves to undefined where that comes to no end. */
  ask(place: number): Promise<Verdict | undefined> {
    return new Promise((resolve) => {
      this.#waiting.set(place, resolve)
      this.#send({ type: 'prove', place })
    })
  }

  /** So many rows may, as was shown elsewhere. */
  tell(place: number, maxRows: number) {
    this.#send({ type: 'share', place, maxRows })
  }

  /** What came out, or undefined where it comes to no end. */
  end(place: number, verdict: Verdict | undefined) {
    this.#waiting.get(place)?.(verdict)
    this.#waiting.delete(place)
  }

  endAll() {
    for (const place of this.#waiting.keys()) this.end(place, undefined)
  }
}

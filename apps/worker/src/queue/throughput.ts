/** What a worker tells of its work on a model. */
export type Pace = {
  /** rows finished a second while it had work, however little work there is */
  rowsPerSecond: number
  /** how long a prediction took from being taken to its end; null where nothing is known */
  serviceMs: number | null
}

/** In so much working time a measurement loses most of its weight. */
const memoryMs = 5000

/**
 * How fast rows are finished, measured over the time in which there was work and over no other: what comes in says nothing
 * about what could be done. A mean that forgets with working time, so it stands while there is none.
 *
 *     time    ···|taken ─────── ended|·······|taken ── ended|───── ended|····
 *     counts       └── working ──┘             └──────── working ───────┘
 *
 * The time since the last end counts once it is longer than a row usually takes: a row on its way doesn't make the worker
 * look slow, and one that hangs does.
 */
export class Throughput {
  #expected: Pace = { rowsPerSecond: 0, serviceMs: null }
  #inFlight = 0
  /** up to when working time is counted in; of no meaning while there is no work */
  #countedTo = 0
  #rows = 0
  #workingMs = 0
  #predictions = 0
  #serviceMs = 0

  /** What to go by until the first prediction has ended. */
  expect(pace: Pace) {
    this.#expected = pace
  }

  /** Times are in ms of any clock that only goes forward. */
  taken(now: number) {
    if (this.#inFlight === 0) this.#countedTo = now
    this.#inFlight += 1
  }

  /** A prediction left that was taken at `takenAt`, with so many `rows` finished; none where it was put back. */
  left(now: number, { takenAt, rows }: { takenAt: number; rows: number }) {
    this.#inFlight -= 1
    if (rows === 0) return
    const workedMs = now - this.#countedTo
    const kept = Math.exp(-workedMs / memoryMs)
    this.#countedTo = now
    this.#rows = this.#rows * kept + rows
    this.#workingMs = this.#workingMs * kept + workedMs
    this.#predictions = this.#predictions * kept + 1
    this.#serviceMs = this.#serviceMs * kept + (now - takenAt)
  }

  measure(now: number): Pace {
    if (this.#rows === 0) return this.#expected
    const sinceMs = this.#inFlight > 0 ? now - this.#countedTo : 0
    const overdueMs = Math.max(0, sinceMs - this.#workingMs / this.#rows)
    return {
      rowsPerSecond: round((this.#rows * 1000) / Math.max(1, this.#workingMs + overdueMs)),
      serviceMs: round(this.#serviceMs / this.#predictions),
    }
  }
}

const round = (value: number) => Math.round(value * 100) / 100

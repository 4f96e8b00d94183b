import type { Row, Work } from './work.ts'

export type Lane = 'interactive' | 'batch'

/**
 * Rows that wait for an executor. Rows are what is counted, not predictions.
 *
 * Each lane is a ring: a micro-batch takes one row of a prediction at a time, oldest first, so that a large prediction
 * never holds up a small one. Rows of the batch lane fill what interactive rows leave.
 *
 * *Pieces* come before them: rows that run as they are, with no others.
 */
export class Batcher {
  readonly #lanes: Record<Lane, Work[]> = { interactive: [], batch: [] }
  readonly #pieces: Row[][] = []
  #waiting = 0

  /** Rows that wait, those of dropped predictions included until they are passed over. */
  get size() {
    return this.#waiting
  }

  add(work: Work, lane: Lane) {
    this.#lanes[lane].push(work)
    this.#waiting += work.rows.length
  }

  /** Whether a piece is next, which nothing that is on its way could be added to. */
  get isPieceNext() {
    return this.#pieces.length > 0
  }

  /** Pieces that come behind those that are there, or before them. */
  addPieces(pieces: Row[][], place: 'first' | 'last') {
    if (place === 'first') this.#pieces.unshift(...pieces)
    else this.#pieces.push(...pieces)
    for (const { length } of pieces) this.#waiting += length
  }

  /** Takes up to `maxRows` rows, none of predictions that were dropped; of a piece that has no others it may take none. */
  take(maxRows: number): Row[] {
    const piece = this.#takePiece(maxRows)
    if (piece) return piece
    const taken: Row[] = []
    for (const lane of [this.#lanes.interactive, this.#lanes.batch]) {
      while (taken.length < maxRows) {
        const work = lane.shift()
        if (!work) break
        if (work.dropped) {
          this.#waiting -= work.rows.length - work.nextRow
          continue
        }
        taken.push({ work, index: work.nextRow })
        work.nextRow += 1
        this.#waiting -= 1
        if (work.nextRow < work.rows.length) lane.push(work)
      }
    }
    return taken
  }

  /** The next piece, or as much of it as may run together by now. */
  #takePiece(maxRows: number) {
    const piece = this.#pieces.shift()
    if (!piece) return undefined
    if (piece.length > maxRows) this.#pieces.unshift(piece.splice(maxRows))
    this.#waiting -= piece.length
    return piece.filter(({ work }) => !work.dropped)
  }
}

/** The rows of a prediction, so many to a piece. */
export const toPieces = (work: Work, count: number): Row[][] => {
  const rows = work.rows.map((_, index) => ({ work, index }))
  return Array.from({ length: Math.ceil(rows.length / count) }, (_, piece) =>
    rows.slice(piece * count, (piece + 1) * count),
  )
}

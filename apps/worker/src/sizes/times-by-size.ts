import type { RunTime } from '../executor/stopwatch.ts'

/** How much a run counts against all that were before it: after eight, a tenth is left of what was known. */
const weight = 1 / 4

/** What runs of about so many rows take, on average. */
export type SizeTime = RunTime & {
  rows: number
  /** how far runs are from what was expected of them */
  deviationMs: number
}

/**
 * How long the runs of a version take by how many rows they have: moving averages, one for each doubling of the size (1, 2,
 * 3–4, 5–8 …). What lies between two of them lies on the line between them.
 *
 * The deviation is that of RFC 6298, which tells TCP when an answer is overdue. It begins with half of the first time, so
 * that a size is not taken to be steady before it has had a few runs.
 */
export class TimesBySize {
  readonly #times = new Map<number, SizeTime>()

  add(rows: number, { runMs, computeMs }: RunTime) {
    const size = sizeOf(rows)
    const known = this.#times.get(size)
    const offMs = Math.abs(runMs - this.expect(rows).runMs)
    this.#times.set(
      size,
      known
        ? {
            rows: approach(known.rows, rows),
            runMs: approach(known.runMs, runMs),
            computeMs: approach(known.computeMs, computeMs),
            deviationMs: approach(known.deviationMs, offMs),
          }
        : { rows, runMs, computeMs, deviationMs: runMs / 2 },
    )
  }

  /** In ascending order. */
  list(): SizeTime[] {
    return [...this.#times.values()].sort((a, b) => a.rows - b.rows)
  }

  /** What a run of so many rows is to take. Of a size that was not tried nothing is known to be steady. */
  expect(rows: number): SizeTime {
    const times = this.list()
    const below = times.findLast((time) => time.rows <= rows)
    const above = times.find((time) => time.rows > rows)
    const deviationMs = this.#times.get(sizeOf(rows))?.deviationMs ?? Infinity
    return {
      rows,
      runMs: between(below, above, rows, ({ runMs }) => runMs),
      computeMs: between(below, above, rows, ({ computeMs }) => computeMs),
      deviationMs,
    }
  }

  /** Forgets what is known of sizes above that of so many rows. */
  forgetAbove(rows: number) {
    for (const size of this.#times.keys()) if (size > sizeOf(rows)) this.#times.delete(size)
  }
}

/** 1 and 2 rows have sizes of their own; from there on one lasts until the next power of two. */
const sizeOf = (rows: number) => Math.ceil(Math.log2(rows))

const approach = (average: number, value: number) => average + weight * (value - average)

/** On the line between two sizes; beyond the last of them as much for each row as there, which is rather too much. */
const between = (
  below: SizeTime | undefined,
  above: SizeTime | undefined,
  rows: number,
  read: (time: SizeTime) => number,
) => {
  const [known] = [below, above].filter((time) => time !== undefined)
  if (!known) return 0
  if (!below || !above) return (read(known) * rows) / known.rows
  const share = (rows - below.rows) / (above.rows - below.rows)
  return read(below) + share * (read(above) - read(below))
}

/** The longest that a micro-batch is to compute: nobody waits much longer for the company of others. */
export const maxMicroBatchMs = 100
/** The longest that it may, where that fills its last block. It is also how far off a time is that says nothing. */
export const toleratedMicroBatchMs = 1.25 * maxMicroBatchMs
/** The longest that one may be expected to take whose size was not tried: by what smaller ones take it is rather too much. */
const worthTryingMs = 1.5 * maxMicroBatchMs

/**
 * ONNX Runtime multiplies matrices by blocks of six rows, or of twelve: a run of 7 rows takes nearly as long as one of 12, and each
 * row of it half as long again as in a run of 6 (ADR 16).
 */
const blockRows = 6

/** What is known of runs of so many rows. */
type Known = { rows: number; computeMs: number }

/** How many rows may run together, and what keeps it from being more. */
export type RowLimitPlan = { rows: number; boundBy: 'max_rows' | 'time' | 'untried' }

/**
 * As many rows as compute within 100 ms, in whole blocks, by what is known of runs, in ascending order of their rows. Where the
 * largest of them stays below that, the limit is up to twice as large, and to the end of that block: how long more rows take is not
 * known before they are tried.
 */
export const planRowLimit = ({ times, maxRows }: { times: Known[]; maxRows: number }): RowLimitPlan => {
  const within = times.findLast(({ computeMs }) => computeMs <= maxMicroBatchMs)
  const beyond = times.find(({ rows }) => rows > (within?.rows ?? 0))
  const line = lineThrough(within, beyond)
  const byTime = Math.floor(line.rows + (maxMicroBatchMs - line.computeMs) / line.msForEach)
  const tried = beyond ? Infinity : 2 * (within?.rows ?? 0.5)
  const rows = tried < byTime ? wholeBlocks(Math.floor(tried)) : fillBlock(byTime, line, beyond !== undefined)
  if (rows >= maxRows) return { rows: maxRows, boundBy: 'max_rows' }
  return { rows: Math.max(1, rows), boundBy: tried < byTime ? 'untried' : 'time' }
}

/** What more rows take than a run that is known, each. */
type Line = Known & { msForEach: number }

const lineThrough = (within: Known | undefined, beyond: Known | undefined): Line => {
  if (within && beyond) {
    return { ...within, msForEach: (beyond.computeMs - within.computeMs) / (beyond.rows - within.rows) }
  }
  const known = within ?? beyond
  if (!known) return { rows: 1, computeMs: maxMicroBatchMs, msForEach: 1 }
  return { ...known, msForEach: Math.max(known.computeMs, 0.001) / known.rows }
}

/** More rows, where these would not fill their last block and more of them take little longer; or else fewer. */
const fillBlock = (rows: number, line: Line, isTried: boolean) => {
  const filled = Math.ceil(rows / blockRows) * blockRows
  const filledMs = line.computeMs + (filled - line.rows) * line.msForEach
  const isWorthIt = filledMs <= (isTried ? toleratedMicroBatchMs : worthTryingMs)
  return rows > blockRows && isWorthIt ? filled : wholeBlocks(rows)
}

/** Less than a block stays as it is. */
const wholeBlocks = (rows: number) => (rows < blockRows ? rows : rows - (rows % blockRows))

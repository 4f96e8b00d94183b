import { describe, expect, test } from 'vitest'
import { RowLimit } from './row-limit.ts'
import { TimesBySize } from './times-by-size.ts'

/** What a micro-batch of a model computes, in ms. */
type Model = (rows: number) => number

/** A heavy model: 16 ms for one row, 103 for 18. */
const heavy: Model = (rows) => 10.9 + 5.1 * rows
const busier =
  (model: Model, times: number): Model =>
  (rows) =>
    times * model(rows)

/** A limit as a worker begins with it, when warm-up found this; and full micro-batches that run as a model then is. */
const begin = (
  atWarmUp: Model,
  { maxRows = 64, maxRowsReason = null }: { maxRows?: number; maxRowsReason?: string | null } = {},
) => {
  const times = new TimesBySize()
  const add = (rows: number, model: Model) => times.add(rows, { runMs: model(rows), computeMs: model(rows) })
  add(1, atWarmUp)
  // as measure-timing.ts does
  add(Math.max(1, Math.min(maxRows, Math.floor(300 / atWarmUp(1)))), atWarmUp)
  const changes: number[] = []
  const limit = new RowLimit({ times, maxRows, maxRowsReason, onChanged: () => changes.push(limit.rows) })
  const run = (rows: number, model: Model) => {
    add(rows, model)
    limit.ran(rows)
  }
  return {
    limit,
    changes,
    run,
    runFull: (count: number, model: Model) => {
      let tookMs = 0
      for (let done = 0; done < count; done++) {
        tookMs += model(limit.rows)
        run(limit.rows, model)
      }
      return tookMs
    },
  }
}

test('a worker that starts on an idle machine begins with what fits into 100 ms', () => {
  expect(begin(heavy).limit.rows).toBe(18)
})

describe('a worker that starts on a busy machine', () => {
  test.each([2, 3, 5, 8, 20])(
    'reaches the limit of an idle start within 20 runs and a minute: %i times as slow',
    (slow) => {
      const { limit, runFull } = begin(busier(heavy, slow))
      expect(limit.rows).toBeLessThan(18)

      const tookMs = runFull(20, heavy)

      expect(limit.rows).toBeGreaterThanOrEqual(18)
      expect(heavy(limit.rows)).toBeLessThan(115)
      expect(tookMs).toBeLessThan(60_000)
    },
  )

  test('also where only its full micro-batch was measured wrong', () => {
    const { limit, run, runFull } = begin(heavy)
    run(18, busier(heavy, 30))
    expect(limit.rows).toBeLessThan(4)

    runFull(20, heavy)

    expect(limit.rows).toBeGreaterThanOrEqual(18)
  })

  test('runs no micro-batch on its way there that takes much too long', () => {
    const { limit, runFull, changes } = begin(busier(heavy, 8))

    runFull(20, heavy)

    expect(heavy(Math.max(...changes, limit.rows))).toBeLessThan(115)
  })
})

test('a model that gets slower shrinks its micro-batches', () => {
  const { limit, runFull } = begin(heavy)

  runFull(20, busier(heavy, 3))

  expect(busier(heavy, 3)(limit.rows)).toBeLessThan(115)
  expect(limit.rows).toBeGreaterThanOrEqual(3)
})

test('and grows them within 20 runs when it is quick again, however long it was slow', () => {
  const { limit, runFull } = begin(heavy)
  for (let turn = 0; turn < 100; turn++) {
    runFull(3, busier(heavy, 3))
    runFull(3, busier(heavy, 2))
  }

  runFull(20, heavy)

  expect(limit.rows).toBeGreaterThanOrEqual(18)
})

test('runs that take now a little more and now a little less change nothing', () => {
  const { limit, runFull, changes } = begin(heavy)

  for (let turn = 0; turn < 50; turn++) {
    runFull(1, busier(heavy, 1.12))
    runFull(1, heavy)
  }

  expect(limit.rows).toBe(18)
  expect(changes).toEqual([])
})

test('micro-batches that are not full change nothing', () => {
  const { limit, run } = begin(heavy)

  for (let turn = 0; turn < 100; turn++) run(1 + (turn % 5), heavy)

  expect(limit.rows).toBe(18)
})

test('a size that takes too long by itself is tried again ever more rarely', () => {
  // such as one that no longer fits into a cache
  const steep: Model = (rows) => (rows <= 16 ? 5.5 * rows : 12 * rows)
  const { limit, runFull, changes } = begin(steep)

  runFull(2000, steep)
  const early = changes.length
  runFull(2000, steep)

  expect(limit.rows).toBe(12)
  expect(changes.length - early).toBeLessThan(20)
})

test('a limit on a stair of six rows stays on it, whatever its runs take beside others', () => {
  // the heavy model of the bench: a run of 7 rows takes 45 % more than one of 6, and nearly as much as one of 12
  const stairs: Model = (rows) => 15 + 46 * Math.ceil(rows / 6)
  const { limit, runFull, changes } = begin(stairs)
  runFull(20, stairs)
  expect(limit.rows).toBe(12)
  changes.length = 0

  for (let turn = 0; turn < 50; turn++) {
    runFull(1, busier(stairs, 1.15))
    runFull(1, busier(stairs, 0.95))
  }

  expect(changes).toEqual([])
})

test('a run past the time limit halves it, and with each full one it grows by a row', () => {
  const quick: Model = () => 1
  const { limit, runFull } = begin(quick, { maxRows: 8 })

  limit.timedOut()
  const halved = limit.rows
  runFull(1, quick)
  const oneMore = limit.rows
  runFull(10, quick)

  expect([halved, oneMore, limit.rows]).toEqual([4, 5, 8])
})

test('no run past the time limit leaves less than one row', () => {
  const { limit } = begin(() => 1, { maxRows: 2 })

  for (const _ of ['first', 'second', 'third']) limit.timedOut()

  expect(limit.rows).toBe(1)
})

describe('it says why it is not more', () => {
  test('model.yaml allows no more', () => {
    expect(begin(() => 1).limit.reason).toBe('batching.max_rows allows no more')
  })

  test('rows may not share a run', () => {
    const { limit } = begin(() => 1, { maxRows: 1, maxRowsReason: 'its first axis is fixed to one row' })

    expect(limit.reason).toBe('its first axis is fixed to one row')
  })

  test('more would take too long', () => {
    expect(begin(heavy).limit.reason).toBe(
      '18 rows take 103 ms, and a micro-batch is to take about 100 ms at the most',
    )
    expect(begin(() => 2000).limit.reason).toBe(
      'a row takes 2000 ms, and a micro-batch is to take about 100 ms at the most',
    )
  })

  test('more were not tried', () => {
    const { limit, runFull } = begin(busier(heavy, 4))

    runFull(1, heavy)

    expect(limit.reason).toBe('4 rows take 42 ms; what more of them take is tried by doubling')
  })

  test('a run went past the time limit', () => {
    const { limit } = begin(() => 1)

    limit.timedOut()

    expect(limit.reason).toBe('a run went past timeout_s: one row more is let in with each full micro-batch')
  })
})

test('more rows share a run when it is known that they may, tried by doubling', () => {
  const { limit, runFull, changes } = begin((rows) => rows / 100, {
    maxRows: 1,
    maxRowsReason: 'not known',
  })
  expect(limit).toMatchObject({ rows: 1, reason: 'not known' })

  limit.allow(64, null)
  expect(limit.rows).toBe(2)
  runFull(20, (rows) => rows / 100)

  expect(limit).toMatchObject({ rows: 64, reason: 'batching.max_rows allows no more' })
  expect(changes.slice(0, 3)).toEqual([2, 4, 6])
})

test('why rows share no run may be told later', () => {
  const { limit, changes } = begin(heavy, { maxRows: 1, maxRowsReason: 'not known' })

  limit.allow(1, 'rows are not independent')

  expect(limit).toMatchObject({ rows: 1, reason: 'rows are not independent' })
  expect(changes).toEqual([1])
})

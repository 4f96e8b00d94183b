import { PassThrough } from 'node:stream'
import { expect, test } from 'vitest'
import { createDisplay } from './display.ts'
import { showProgress } from './show-progress.ts'

const running = {
  id: 'batch-1',
  status: 'in_progress' as const,
  counts: { total: 10_000, completed: 2497, failed: 3, pending: 7500 },
  rows_per_second: 1234.4,
  eta: 6,
  error: null,
  completed_at: null,
}

test('progress has rows, pace, time left and failed rows, and a bar on a terminal', () => {
  const line = '25 %, 2,500 of 10,000 rows, 1,234 rows/s, 6 s left, 3 failed'

  expect(showProgress(running, { hasBar: false })).toBe(line)
  expect(showProgress(running, { hasBar: true })).toBe(`[######------------------] ${line}`)
})

test('what is not known is left out', () => {
  const counts = { total: null, completed: 5, failed: 0, pending: null }

  expect(showProgress({ ...running, counts, rows_per_second: null, eta: null }, { hasBar: true })).toBe(
    '5 rows',
  )
  expect(showProgress({ ...running, status: 'validating' }, { hasBar: true })).toBe('waiting for its turn')
})

test('nearly all is not all', () => {
  const counts = { total: 10_000, completed: 9999, failed: 0, pending: 1 }

  expect(showProgress({ ...running, counts, eta: 5000 }, { hasBar: false })).toBe(
    '99 %, 9,999 of 10,000 rows, 1,234 rows/s, 1 h 23 min left',
  )
})

test('without a terminal progress is a line now and then, and only where it has changed', () => {
  const stream = new PassThrough()
  let now = 0
  const display = createDisplay(stream, { now: () => now })

  display.progress('1 row')
  display.progress('2 rows')
  now = 10_000
  display.progress('1 row')
  display.progress('3 rows')

  expect(String(stream.read())).toBe('1 row\n3 rows\n')
})

test('on a terminal progress is replaced, and cut where it would wrap; nothing in it is obeyed', () => {
  const stream = Object.assign(new PassThrough(), { isTTY: true, columns: 11 })
  const display = createDisplay(stream)

  display.progress('a line that is long')
  display.say('bell \u0007')

  expect(String(stream.read())).toBe('a line tha\u001b[1G\u001b[2Kbell \\u0007\n')
})

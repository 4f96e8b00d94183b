import { expect, test } from 'vitest'
import { msFresh } from './ms-fresh.ts'

test.each([
  { what: 'one that was just submitted', createdAt: 1000, wasTaken: false, now: 1010, ms: 40 },
  {
    what: 'one of a process whose clock is a little ahead',
    createdAt: 1000,
    wasTaken: false,
    now: 997,
    ms: 47,
  },
  { what: 'one that waited', createdAt: 1000, wasTaken: false, now: 1050, ms: 0 },
  { what: 'one of a process whose clock is far ahead', createdAt: 1000, wasTaken: false, now: 100, ms: 0 },
  { what: 'one that a lost worker had', createdAt: 1000, wasTaken: true, now: 1010, ms: 0 },
])('$what is fresh for $ms ms', ({ ms, ...taken }) => {
  expect(msFresh(taken)).toBe(ms)
})

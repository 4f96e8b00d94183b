import { expect, test } from 'vitest'
import { planReplacement, shouldStop } from './abandoned-run.ts'

const mb = 1024 * 1024

test.each([
  { what: 'there is room for two', availableMb: 264, providers: ['cpu'], planned: 'meanwhile' },
  { what: 'the rest would have too little', availableMb: 263, providers: ['cpu'], planned: 'after' },
  { what: 'nobody knows', availableMb: undefined, providers: ['cpu'], planned: 'after' },
  { what: 'a GPU has memory of its own', availableMb: 9999, providers: ['cuda', 'cpu'], planned: 'after' },
])('where $what the executor is replaced $planned', ({ availableMb, providers, planned }) => {
  const availableBytes = availableMb === undefined ? undefined : availableMb * mb

  expect(planReplacement({ neededBytes: 200 * mb, availableBytes, providers })).toBe(planned)
})

const run = { abandonedMs: 0, remainingMs: undefined, replacement: 'meanwhile', loadMs: 5000 } as const

test('a run that is expected to go on for more than a second is stopped at once', () => {
  expect(shouldStop({ ...run, remainingMs: 1001 })).toBe(true)
  expect(shouldStop({ ...run, remainingMs: 1000 })).toBe(false)
})

test('a run of which nothing is known is stopped when it has gone on for a second', () => {
  expect(shouldStop({ ...run, abandonedMs: 999 })).toBe(false)
  expect(shouldStop({ ...run, abandonedMs: 1000 })).toBe(true)
})

test('so is one that goes on although it was expected to end', () => {
  expect(shouldStop({ ...run, remainingMs: 20, abandonedMs: 1000 })).toBe(true)
})

test('where nobody is served until another executor is loaded, that has to be worth it', () => {
  const after = { ...run, replacement: 'after' } as const

  expect(shouldStop({ ...after, remainingMs: 4000 })).toBe(false)
  expect(shouldStop({ ...after, remainingMs: 5001 })).toBe(true)
  expect(shouldStop({ ...after, abandonedMs: 4999 })).toBe(false)
  expect(shouldStop({ ...after, abandonedMs: 5000 })).toBe(true)
  expect(shouldStop({ ...after, abandonedMs: 1000, loadMs: 300 })).toBe(true)
})

import { expect, test } from 'vitest'
import { explainBeyondMemory } from './beyond-memory.ts'

const failed = (bytes: number) => `Failed to allocate memory for requested buffer of size ${bytes}`

test('runs that each take more than there is will never do, by the least of them', () => {
  expect(explainBeyondMemory([failed(9e12), failed(30e9)], 16e9)).toMatch(
    /^a run takes 30 GB of memory at once, and this machine has 16;/,
  )
})

test.each([
  ['one takes no more than there is', [failed(9e12), failed(8e9)]],
  ['one failed of something else', [failed(9e12), 'index out of bounds']],
  ['there was none', []],
])('nothing is said against the files where %s', (_why, failures) => {
  expect(explainBeyondMemory(failures, 16e9)).toBe(undefined)
})

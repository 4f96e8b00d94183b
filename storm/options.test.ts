import { expect, test } from 'vitest'
import { readOptions } from './options.ts'

test('20,000 predictions are sent where nothing else is said', () => {
  expect(readOptions(['--seed', '7'])).toMatchObject({ seed: 7, predictions: 20_000, brokenBuild: undefined })
  expect(readOptions(['--seed', '7']).isSkewed).toBe(false)
})

test('a batch of a million rows is stormed where it is asked for', () => {
  expect(readOptions(['--seed', '7']).batchRows).toBeUndefined()
  expect(readOptions(['--seed', '7', '--batch']).batchRows).toBe(1_000_000)
  expect(readOptions(['--seed', '7', '--batch', '--rows', '50']).batchRows).toBe(50)
})

test('a broken build is chosen by its name', () => {
  expect(readOptions(['--seed', '7', '--break', 'mixed-rows']).brokenBuild).toMatchObject({
    rule: 'mixed up',
  })
})

test.each([
  [[], '--seed is missing'],
  [['--seed', 'x'], '--seed takes a whole number from 1 on, not "x"'],
  [['--seed', '1', '--predictions', '0'], '--predictions takes a whole number'],
  [['--seed', '1', '--break', 'nothing'], 'these are there: lost-outcomes, mixed-rows'],
  [['--seed', '1', '--batch', '--rows', 'x'], '--rows takes a whole number from 1 on, not "x"'],
  [['--seed', '1', '--batch', '--skew'], '--skew goes with predictions'],
  [['--help'], '--batch [--rows 1000000]'],
  [['--seeds', '1'], 'Usage: npm run storm'],
])('%j is refused, and says what may be typed', (args, sentence) => {
  expect(() => readOptions(args)).toThrow(sentence)
})

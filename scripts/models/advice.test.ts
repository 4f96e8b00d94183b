import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { adviceFor } from './advice.ts'

/** The table of docs/models.md, where `the same` stands for the row above. */
const rows = readFileSync(join(import.meta.dirname, '../../docs/models.md'), 'utf8')
  .split('\n## ')
  .find((section) => section.startsWith('When rows run alone'))
  ?.split('\n')
  .filter((line) => line.startsWith('| ') && !/^\| (---|reason)/.test(line))
  .map((line) => line.split('|').map((cell) => cell.trim()))
  .map(([, reason = '', whatToDo = '']) => ({ reason, whatToDo }))
  .map(({ reason, whatToDo }, index, all) => ({
    reason,
    whatToDo: whatToDo === 'the same' ? (all[index - 1]?.whatToDo ?? '') : whatToDo,
  }))

test.each(rows ?? [])('what to do where $reason is as the docs have it', ({ reason, whatToDo }) => {
  expect(whatToDo).not.toBe('')
  expect(adviceFor(reason)).toBe(whatToDo)
})

test('the docs have a table of reasons', () => {
  expect(rows?.length).toBeGreaterThan(5)
})

test('where there is nothing to do nothing is said', () => {
  expect(adviceFor('batching.max_rows is 1')).toBe(undefined)
  expect(adviceFor('its input x has no axis for rows')).toBe(undefined)
})

import { createLogger } from '@onqueue/shared'
import { expect, test } from 'vitest'
import { createDropFinal } from './drop-final.ts'
import { Work } from './work.ts'

const setUp = (areFinal: (ids: string[]) => Promise<boolean[]>) =>
  createDropFinal({ model: 'iris', areFinal, log: createLogger({ service: 'test', level: 'silent' }) })

const work = (id: string, freshUntil?: number) =>
  new Work({
    id,
    rows: [1],
    signal: new AbortController().signal,
    ...(freshUntil === undefined ? {} : { freshUntil }),
  })

test('those that ended meanwhile are dropped, and others are not', async () => {
  const works = [work('a'), work('b'), work('c')]
  const dropFinal = setUp(async (ids) => ids.map((id) => id === 'b'))

  await dropFinal(works)

  expect(works.map(({ dropped }) => dropped)).toEqual([false, true, false])
})

test('nobody asks about fresh ones, and about those that are not fresh any more', async () => {
  const asked: string[][] = []
  const dropFinal = setUp(async (ids) => {
    asked.push(ids)
    return ids.map(() => true)
  })
  const works = [work('fresh', performance.now() + 60_000), work('old', performance.now() - 1)]

  await dropFinal(works)
  await dropFinal([works[0] ?? work('')])

  expect(asked).toEqual([['old']])
  expect(works.map(({ dropped }) => dropped)).toEqual([false, true])
})

test('what cannot be found out runs', async () => {
  const works = [work('a')]
  await setUp(() => Promise.reject(new Error('away')))(works)

  expect(works[0]?.dropped).toBe(false)
})

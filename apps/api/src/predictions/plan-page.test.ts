import { expect, test } from 'vitest'
import { planPage } from './plan-page.ts'

const at = (createdAt: number) => ({ createdAt, id: `iris-${createdAt}` })
const after = (createdAt: number) => ({ direction: 'after' as const, ...at(createdAt) })
const before = (createdAt: number) => ({ direction: 'before' as const, ...at(createdAt) })
const first = { isAllRead: false, isEnoughRead: false, limit: 2, cursor: undefined }

test('one more than asked for tells that there is a next page', () => {
  const page = planPage({ ...first, found: [at(9), at(8), at(7)], lastRead: at(7) })

  expect(page).toEqual({ items: [at(9), at(8)], next: after(8), previous: null })
})

test('as many as asked for take more reading, until everything was read', () => {
  const search = { ...first, found: [at(9), at(8)], lastRead: at(3) }

  expect(planPage(search)).toBe(null)
  expect(planPage({ ...search, isAllRead: true })).toEqual({
    items: [at(9), at(8)],
    next: null,
    previous: null,
  })
})

test('a page that took enough reading goes on where that stopped, even an empty one', () => {
  const search = { ...first, lastRead: at(3), isEnoughRead: true }

  expect(planPage({ ...search, found: [at(9)] })).toEqual({ items: [at(9)], next: after(3), previous: null })
  expect(planPage({ ...search, found: [], cursor: after(9) })).toEqual({
    items: [],
    next: after(3),
    previous: null,
  })
})

test('enough reading that was all of it ends the list', () => {
  const page = planPage({ ...first, found: [at(9)], lastRead: at(3), isAllRead: true, isEnoughRead: true })

  expect(page).toEqual({ items: [at(9)], next: null, previous: null })
})

test('a later page leads back from its first', () => {
  const page = planPage({ ...first, found: [at(7), at(6), at(5)], lastRead: at(5), cursor: after(8) })

  expect(page).toEqual({ items: [at(7), at(6)], next: after(6), previous: before(7) })
})

test('a page before a cursor was read from its end, and is newest first all the same', () => {
  const page = planPage({ ...first, found: [at(6), at(7), at(8)], lastRead: at(8), cursor: before(5) })

  expect(page).toEqual({ items: [at(7), at(6)], next: after(6), previous: before(7) })
})

test('before the newest there is nothing', () => {
  const page = planPage({ ...first, found: [], lastRead: undefined, isAllRead: true, cursor: before(9) })

  expect(page).toEqual({ items: [], next: null, previous: null })
})

import { expect, test } from 'vitest'
import { decodeCursor, encodeCursor } from './list-cursor.ts'

test('a cursor comes back as it was, out of characters that a URL takes', () => {
  const cursor = {
    direction: 'before' as const,
    createdAt: 1_795_394_020_098,
    id: 'iris-01M82X58R2RVH809P68DG8BT3K',
  }

  expect(encodeCursor(cursor)).toMatch(/^[\w-]+$/)
  expect(decodeCursor(encodeCursor(cursor))).toEqual(cursor)
})

test.each(['', 'zzz', 'bnVsbA', Buffer.from('["after","x","y"]').toString('base64url')])(
  '%j is refused',
  (text) => {
    expect(() => decodeCursor(text)).toThrow('cursor: take it from the next or previous link of a list')
  },
)

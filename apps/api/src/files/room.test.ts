import { expect, test } from 'vitest'
import { Room } from './room.ts'

const storage = (bytes: number) => ({ freeBytes: async () => bytes })
const full = { code: 'storage_full' }

test('of uploads that come at once only those are let in for which there is room together', async () => {
  const room = new Room(50)
  const [one, two] = [room.enter(storage(100)), room.enter(storage(100))]

  const ends = await Promise.allSettled([one.need(40), two.need(40)])

  expect(ends).toMatchObject([{ status: 'fulfilled' }, { reason: full }])
  one[Symbol.dispose]()
  await two.need(40)
})

test('what has come is on the disk, and not expected any more', async () => {
  const room = new Room(50)
  const [one, two] = [room.enter(storage(100)), room.enter(storage(60))]
  await one.need(20)
  await expect(two.need(1)).rejects.toMatchObject(full)

  one.expect(5)

  await two.need(5)
})

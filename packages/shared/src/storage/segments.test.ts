import { once } from 'node:events'
import { Readable } from 'node:stream'
import { text } from 'node:stream/consumers'
import { array, asyncProperty, assert, nat, string } from 'fast-check'
import { expect, test } from 'vitest'
import { bytesOfSegments, openSegments, planSlices } from './segments.ts'
import type { ByteRange } from './storage.ts'

/** Segments of these texts, and what of them is open. */
const storageOf = (texts: readonly string[]) => {
  const open = new Set<Readable>()
  const opened: string[] = []
  return {
    open,
    opened,
    segments: texts.map((one, index) => ({ name: String(index), bytes: Buffer.byteLength(one) })),
    openRange: async (name: string, { start, end }: ByteRange) => {
      const bytes = Buffer.from(texts[Number(name)] ?? '').subarray(start, end)
      const stream = Readable.from([bytes], { objectMode: false })
      opened.push(name)
      open.add(stream)
      stream.once('close', () => open.delete(stream))
      return stream
    },
  }
}

test('any range of any segments is that range of the whole', async () => {
  await assert(
    asyncProperty(array(string(), { maxLength: 6 }), nat(40), nat(40), async (texts, start, length) => {
      const storage = storageOf(texts)
      const whole = Buffer.from(texts.join(''))

      const read = await text(await openSegments(storage, storage.segments, { start, end: start + length }))

      expect(read).toBe(whole.subarray(start, start + length).toString())
      expect(bytesOfSegments(storage.segments)).toBe(whole.byteLength)
      expect(storage.open.size).toBe(0)
    }),
  )
})

test('only what a range has something of is opened', () => {
  const segments = ['head', 'one', 'none', 'two'].map((name, index) => ({
    name,
    bytes: [10, 5, 0, 5][index] ?? 0,
  }))

  expect(planSlices(segments, { start: 12, end: 17 })).toEqual([
    { name: 'one', start: 2, end: 5 },
    { name: 'two', start: 0, end: 2 },
  ])
  expect(planSlices(segments, { start: 20, end: 30 })).toEqual([])
})

test('a segment is opened when the one before it was read', async () => {
  const storage = storageOf(['one', 'two', 'three'])

  const stream = await openSegments(storage, storage.segments, { start: 0, end: 11 })
  const openedFirst = [...storage.opened]
  await text(stream)

  expect(openedFirst).toEqual(['0'])
  expect(storage.opened).toEqual(['0', '1', '2'])
})

test.each(['before it was read', 'in the middle'])('who leaves %s leaves nothing open', async (when) => {
  const storage = storageOf(['one', 'two'])
  const stream = await openSegments(storage, storage.segments, { start: 0, end: 6 })
  const [opened] = storage.open
  const closed = new Promise((resolve) => (opened ?? stream).once('close', resolve))

  if (when === 'in the middle') await once(stream, 'readable')
  stream.destroy()
  await closed

  expect(storage.open.size).toBe(0)
})

test('a segment that is gone fails the read', async () => {
  const storage = storageOf(['one', 'two'])
  const openRange = async (name: string, range: ByteRange) => {
    if (name === '1') throw new Error('it is gone')
    return storage.openRange(name, range)
  }

  const stream = await openSegments({ openRange }, storage.segments, { start: 0, end: 6 })

  await expect(text(stream)).rejects.toThrow('it is gone')
  await expect(openSegments({ openRange }, storage.segments, { start: 4, end: 6 })).rejects.toThrow(
    'it is gone',
  )
})

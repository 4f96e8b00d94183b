import { expect, test } from 'vitest'
import { ReusedBuffers } from './reused-buffers.ts'

const write = (text: string) => async (buffer: Buffer) => buffer.write(text)

test('a chunk keeps its bytes until it is given back, and then its buffer is filled again', async () => {
  const buffers = new ReusedBuffers(8)

  const first = await buffers.fill(write('first'))
  const second = await buffers.fill(write('second'))
  buffers.giveBack(first)
  const third = await buffers.fill(write('3rd'))

  expect([second, third].map(String)).toEqual(['second', '3rd'])
  expect(third.buffer).toBe(first.buffer)
})

test('what is given back twice, or is a part of a chunk, is lent to nobody', async () => {
  const buffers = new ReusedBuffers(8)
  const first = await buffers.fill(write('first'))
  const second = await buffers.fill(write('second'))

  buffers.giveBack(second.subarray(0, 3))
  buffers.giveBack(first)
  buffers.giveBack(first)
  const others = [await buffers.fill(write('a')), await buffers.fill(write('b'))]

  expect(String(second)).toBe('second')
  expect(others.map(({ buffer }) => buffer === first.buffer)).toEqual([true, false])
})

import { expect, test } from 'vitest'
import { scanBytes, sliceBytes } from './scan-bytes.ts'

test('a short body is scanned at once', async () => {
  const turns = countTurns()

  const scanned = await scanBytes(Buffer.from('{"a":1}'), turns)

  expect(scanned).toEqual({ members: 1 })
  expect(turns.count()).toBe(0)
})

test('a long body is scanned in slices of at most a megabyte, each in a turn of its own', async () => {
  const turns = countTurns()
  const body = Buffer.from(`{"a":"${'é'.repeat(2_500_000)}","b":[1]}`)

  const scanned = await scanBytes(body, turns)

  expect(scanned).toEqual({ members: 2 })
  expect(sliceBytes).toBeLessThanOrEqual(1024 * 1024)
  expect(turns.count()).toBe(Math.ceil(body.length / sliceBytes))
})

test('bodies that are scanned at the same time take turns', async () => {
  const looks: string[] = []
  const body = Buffer.from(`"${'x'.repeat(3 * sliceBytes)}"`)
  const watched = (name: string) =>
    new Proxy(body, {
      get: (target, property) => {
        if (property !== 'subarray') return Reflect.get(target, property)
        return (from: number, to: number) => {
          looks.push(name)
          return target.subarray(from, to)
        }
      },
    })
  const immediates: number[] = []
  const note = () => {
    immediates.push(looks.length)
    if (immediates.length < 20) setImmediate(note)
  }
  setImmediate(note)

  await Promise.all([scanBytes(watched('a')), scanBytes(watched('b'))])

  expect(looks).toEqual(['a', 'b', 'a', 'b', 'a', 'b', 'a', 'b'])
  // never more than one between two turns
  const between = immediates.map((count, index) => count - (immediates[index - 1] ?? 0))
  expect(Math.max(...between)).toBe(1)
})

const countTurns = () => {
  let turns = 0
  return { turn: async () => void (turns += 1), count: () => turns }
}

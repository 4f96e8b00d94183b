import fc from 'fast-check'
import { Redis } from 'ioredis'
import { afterAll, expect, inject, test } from 'vitest'
import { StoredJson } from '../contract/stored-json.ts'
import type { Outcome } from '../contract/outcome.ts'
import { modelKeys } from '../redis/names.ts'
import { maxReadAlongBytes, readOutcomes } from './read-outcomes.ts'

const redis = new Redis(inject('redisUrl'))
const namespace = `test-${process.pid}-read-outcomes`
const { outcome: keyOf } = modelKeys(namespace, 'iris')
const written = new Set<string>()

afterAll(async () => {
  await redis.del([...written])
  redis.disconnect()
})

const ended = (fields: Partial<Outcome>): Outcome => ({
  status: 'succeeded',
  output: null,
  error: null,
  startedAt: 1,
  completedAt: 2,
  predictMs: 0.5,
  batchSize: 3,
  attempts: 1,
  ...fields,
})

const write = async (id: string, outcome: Outcome) => {
  written.add(keyOf(id))
  await redis.set(keyOf(id), JSON.stringify(outcome))
}

const read = (...ids: string[]) => readOutcomes({ redis, namespace }, 'iris', ids)

const whole = async (outcome: Outcome | null | undefined) => ({
  ...outcome,
  output: outcome?.output instanceof StoredJson ? await outcome.output.value() : outcome?.output,
})

test('outcomes come in order, null for what is not final', async () => {
  await write('a', ended({ output: { x: 1 } }))
  await write('c', ended({ status: 'canceled', error: { code: 'canceled', detail: 'so it was' } }))

  expect(await read('a', 'b', 'c')).toEqual([
    ended({ output: { x: 1 } }),
    null,
    ended({ status: 'canceled', error: { code: 'canceled', detail: 'so it was' } }),
  ])
})

test('a long output stays where it is, and is the same when it is read', async () => {
  const output = {
    text: 'é,"error":'.repeat(20_000),
    error: { error: [1, '","error":null,'] },
    list: [{ error: 1 }],
  }
  await write('long', ended({ output }))

  const [outcome] = await read('long')

  expect(outcome?.output).toBeInstanceOf(StoredJson)
  expect(outcome).toMatchObject({ status: 'succeeded', error: null, attempts: 1, batchSize: 3 })
  expect(await whole(outcome)).toEqual(ended({ output }))
})

test('as long as the bound is read along', async () => {
  const spare = maxReadAlongBytes - JSON.stringify(ended({ output: '' })).length
  await write('bound', ended({ output: 'x'.repeat(spare) }))
  await write('beyond', ended({ output: 'x'.repeat(spare + 1) }))

  const [bound, beyond] = await read('bound', 'beyond')

  expect(bound?.output).toHaveLength(spare)
  expect(beyond?.output).toBeInstanceOf(StoredJson)
})

test('a long error behind a long output is found', async () => {
  const rows = Array.from({ length: 1000 }, (_, row) => ({
    row,
    code: 'inference_failed' as const,
    detail: `it said ,"error": and ","error":${'x'.repeat(100)}`,
  }))
  const outcome = ended({
    status: 'failed',
    output: Array(1000).fill({ error: 'é'.repeat(50) }),
    error: { code: 'rows_failed', detail: 'some', rows },
  })
  await write('rows', outcome)

  expect(await whole((await read('rows'))[0])).toEqual(outcome)
})

test('of many outcomes at once only so many bytes are read along', async () => {
  const ids = Array.from({ length: 100 }, (_, index) => `many-${index}`)
  await Promise.all(ids.map((id) => write(id, ended({ output: 'x'.repeat(60_000) }))))

  const outcomes = await read(...ids)

  const readAlong = outcomes.filter((outcome) => typeof outcome?.output === 'string')
  expect(readAlong.length).toBe(Math.floor((4 * 1024 * 1024) / JSON.stringify(readAlong[0]).length))
  expect(await whole(outcomes.at(-1))).toEqual(ended({ output: 'x'.repeat(60_000) }))
})

test('any long output is the same when it is read', async () => {
  await fc.assert(
    fc.asyncProperty(fc.jsonValue({ stringUnit: 'binary' }), async (value) => {
      // Redis keeps bytes, and half a surrogate pair is none
      const output: unknown = JSON.parse(
        JSON.stringify([value, 'y'.repeat(maxReadAlongBytes), value]).toWellFormed(),
      )
      await write('any', ended({ output }))

      expect(await whole((await read('any'))[0])).toEqual(ended({ output }))
    }),
    { numRuns: 50 },
  )
})

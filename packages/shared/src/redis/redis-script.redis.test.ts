import { Redis } from 'ioredis'
import { afterEach, beforeEach, expect, inject, test } from 'vitest'
import { z } from 'zod'
import { startTestRedis } from '../../../../scripts/redis/start-test-redis.ts'
import { redisScript } from './redis-script.ts'

const prefix = `redis-script-test-${process.pid}`
const [first, second] = [`${prefix}:first`, `${prefix}:second`]
let redis: Redis

beforeEach(() => {
  redis = new Redis(inject('redisUrl'))
})
afterEach(async () => {
  await redis.del(first, second)
  redis.disconnect()
})

const moveText = redisScript({
  name: 'testMoveText',
  keys: ['from', 'to'],
  args: ['before', 'after'],
  reply: z.number(),
  lua: `redis.call('SET', to, before .. redis.call('GET', from) .. after)
return redis.call('DEL', from)`,
})

test('keys and arguments have their names in the script, in whatever order they are given', async () => {
  await redis.set(first, 'b')

  const reply = await moveText
    .on(redis)
    .run({ args: { after: 'c', before: 'a' }, keys: { to: second, from: first } })

  expect(reply).toBe(1)
  expect(await redis.get(second)).toBe('abc')
  expect(await redis.exists(first)).toBe(0)
})

test('further keys and arguments stand behind those that have names', async () => {
  const setAll = redisScript({
    name: 'testSetAll',
    keys: [],
    args: ['suffix'],
    reply: z.array(z.string()),
    lua: `local seen = {}
for i = 1, #KEYS - keyCount do
  redis.call('SET', KEYS[keyCount + i], ARGV[argCount + i] .. suffix)
  table.insert(seen, ARGV[argCount + i])
end
return seen`,
  })

  const reply = await setAll
    .on(redis)
    .run({ keys: {}, args: { suffix: '!' }, moreKeys: [first, second], moreArgs: ['one', 2] })

  expect(reply).toEqual(['one', '2'])
  expect(await redis.mget(first, second)).toEqual(['one!', '2!'])
})

test('a pipeline of the connection takes it, and has its reply in its place', async () => {
  const script = moveText.on(redis)
  const pipeline = redis.pipeline().set(first, 'b')

  script.addTo(pipeline, { keys: { from: first, to: second }, args: { before: '', after: '' } })

  expect(await pipeline.get(second).exec()).toEqual([
    [null, 'OK'],
    [null, 1],
    [null, 'b'],
  ])
})

test('a reply that is not what was declared is an error', async () => {
  const wrong = redisScript({
    name: 'testWrong',
    keys: [],
    args: [],
    reply: z.number(),
    lua: `return 'text'`,
  })

  await expect(wrong.on(redis).run({ keys: {}, args: {} })).rejects.toThrow(z.ZodError)
})

test('only a script that may run in a Redis that is full writes into one', async () => {
  const set = {
    keys: ['key'],
    args: [],
    reply: z.literal('OK'),
    lua: `return redis.call('SET', key, 1)`,
  } as const
  await using full = new AsyncDisposableStack()
  const server = await startTestRedis({ maxmemoryBytes: 1 })
  full.defer(() => server.close())
  const connection = new Redis(server.url)
  full.defer(() => connection.disconnect())

  const refused = redisScript({ ...set, name: 'testSetRefused' })
    .on(connection)
    .run({ keys: { key: first }, args: {} })
  await expect(refused).rejects.toThrow('OOM')
  const allowed = redisScript({ ...set, name: 'testSetAllowed', allowOom: true }).on(connection)

  expect(await allowed.run({ keys: { key: first }, args: {} })).toBe('OK')
})

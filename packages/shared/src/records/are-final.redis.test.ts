import { Redis } from 'ioredis'
import { afterAll, expect, inject, test } from 'vitest'
import { modelKeys } from '../redis/names.ts'
import { areFinal } from './are-final.ts'

const redis = new Redis(inject('redisUrl'))
const namespace = `test-${process.pid}-are-final`
const { outcome } = modelKeys(namespace, 'iris')

afterAll(async () => {
  await redis.del(outcome('iris-2'))
  redis.disconnect()
})

test('no prediction, none with an outcome, and one among others', async () => {
  const look = (...ids: string[]) => areFinal({ redis, namespace }, 'iris', ids)
  await redis.set(outcome('iris-2'), '{}')

  expect(await look()).toEqual([])
  expect(await look('iris-1', 'iris-3')).toEqual([false, false])
  expect(await look('iris-1', 'iris-2', 'iris-3')).toEqual([false, true, false])
})

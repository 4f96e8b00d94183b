import { expect, test } from 'vitest'
import { rememberBriefly } from './waiting-predictions.ts'

const start = () => {
  const asked: string[] = []
  let clock = 0
  let isRedisThere = true
  const read = rememberBriefly(
    async (model) => {
      asked.push(model)
      if (!isRedisThere) throw new Error('Connection is closed.')
      return { count: asked.length, oldestAgeSeconds: null }
    },
    { maxAgeMs: 500, now: () => clock },
  )
  return {
    asked,
    read,
    pass: (ms: number) => (clock += ms),
    setRedis: (isThere: boolean) => (isRedisThere = isThere),
  }
}

test('a model is read once in half a second, however often it is asked for', async () => {
  const { read, asked, pass } = start()

  await Promise.all([read('iris'), read('iris'), read('housing')])
  pass(499)
  expect(await read('iris')).toEqual({ count: 1, oldestAgeSeconds: null })
  pass(1)
  expect(await read('iris')).toEqual({ count: 3, oldestAgeSeconds: null })

  expect(asked).toEqual(['iris', 'housing', 'iris'])
})

test('a failure is told and not remembered', async () => {
  const { read, setRedis } = start()

  setRedis(false)
  await expect(read('iris')).rejects.toThrow('Connection is closed.')
  setRedis(true)

  expect(await read('iris')).toEqual({ count: 2, oldestAgeSeconds: null })
})

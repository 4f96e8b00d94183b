import { expect, test } from 'vitest'
import { createReadinessCheck } from './readiness.ts'

const condition = { check: async () => [] }
const clock = { warnings: () => [] }
const models = { isEmpty: () => false, whyClosed: () => [] }

test('an API that is told to end is not ready, whatever else is', async () => {
  let isClosing = false
  const isReady = createReadinessCheck({ condition, clock, models: () => models, isClosing: () => isClosing })

  const before = await isReady()
  isClosing = true

  expect(before).toEqual({ ready: true, reasons: [] })
  expect(await isReady()).toEqual({ ready: false, reasons: ['this process stops'] })
})

test('an API that has not read the models yet is not ready', async () => {
  const known: (typeof models)[] = []
  const isReady = createReadinessCheck({ condition, clock, models: () => known[0] })

  const before = await isReady()
  known.push(models)

  expect(before).toEqual({ ready: false, reasons: ['it is still starting'] })
  expect((await isReady()).ready).toBe(true)
})

test('what an operator should look at is told, and makes no API unready', async () => {
  const isReady = createReadinessCheck({
    condition,
    clock,
    models: () => models,
    warnings: () => ['another storage'],
  })

  expect(await isReady()).toEqual({ ready: true, reasons: ['another storage'] })
})

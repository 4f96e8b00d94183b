import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { AppPlace } from './app-place.ts'

const fixture = (name: string) => join(import.meta.dirname, '../../scripts/start/fixtures', name)

const openPlace = (file: string) => {
  const place = new AppPlace({
    name: 'app 1',
    file: fixture(file),
    nodeArgs: [],
    environment: {},
  })
  onTestFinished(() => place.destroy())
  return place
}

test('one that was killed is no defect, and another takes its place', async () => {
  const place = openPlace('idle-app.ts')
  await expect.poll(() => place.isReady, { timeout: 10_000 }).toBe(true)
  const { pid } = place

  await place.kill(0)

  expect(place.isUp).toBe(false)
  await expect.poll(() => place.isReady, { timeout: 10_000 }).toBe(true)
  expect(place.pid).not.toBe(pid)
  expect(place.defects).toEqual([])
})

test('one that ends by itself is a defect, and another takes its place', async () => {
  const place = openPlace('crashing-app.ts')

  await expect.poll(() => place.defects.length, { timeout: 10_000 }).toBeGreaterThanOrEqual(2)

  expect(place.defects[0]).toMatchObject({
    name: 'app 1',
    what: expect.stringContaining('ended by itself, with 3'),
  })
})

test('one that refuses to start is a defect, with the sentence that it says', async () => {
  const place = openPlace('refusing-app.ts')

  await expect.poll(() => place.defects.length, { timeout: 10_000 }).toBeGreaterThanOrEqual(1)

  expect(place.defects[0]?.what).toContain('LOG_LEVEL must be a level')
})

test('one that is frozen can not be hit until it is awake', async () => {
  const place = openPlace('idle-app.ts')
  await expect.poll(() => place.isReady, { timeout: 10_000 }).toBe(true)

  const freezing = place.freeze(100)

  expect(place.isUp).toBe(false)
  await freezing
  expect(place.isReady).toBe(true)
})

test('one that ends in order when it is told to is no defect', async () => {
  const place = openPlace('idle-app.ts')
  await expect.poll(() => place.isReady, { timeout: 10_000 }).toBe(true)

  await place.close()

  expect(place.isUp).toBe(false)
  expect(place.defects).toEqual([])
})

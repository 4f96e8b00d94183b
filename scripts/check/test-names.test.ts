import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'

const root = join(import.meta.dirname, '../..')

test('a test beside its file that needs a Redis is named *.redis.test.ts', () => {
  const needsRedis = /inject\('redisUrl'\)|\b(startStack|startTestRedis|openRedis)\(/
  const unitTests = globSync('{apps,packages,scripts}/**/*.test.ts', { cwd: root }).filter(
    (file) => !file.endsWith('.redis.test.ts'),
  )

  expect(unitTests.filter((file) => needsRedis.test(readFileSync(join(root, file), 'utf8')))).toEqual([])
  expect(unitTests.length).toBeGreaterThan(50)
})

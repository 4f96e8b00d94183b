import { mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { readOrCreateSecret } from './data-secret.ts'

const makeFolder = () => {
  const folder = mkdtempSync(join(tmpdir(), 'onqueue-secret-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  return folder
}

test('a data folder gets a secret once, for its owner only', () => {
  const folder = join(makeFolder(), 'data')

  const secret = readOrCreateSecret(folder)

  expect(secret).toMatch(/^[0-9a-f]{64}$/)
  expect(readOrCreateSecret(folder)).toBe(secret)
  expect(statSync(join(folder, 'secret')).mode & 0o777).toBe(0o600)
  expect(readdirSync(folder)).toEqual(['secret'])
})

test('a damaged secret is not replaced but explained', () => {
  const folder = makeFolder()
  writeFileSync(join(folder, 'secret'), 'abc')

  expect(() => readOrCreateSecret(folder)).toThrow(/secret is damaged: put its 64 hex digits back/)
})

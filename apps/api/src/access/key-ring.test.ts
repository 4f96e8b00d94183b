import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { createKey } from './api-keys.ts'
import { openKeyRing } from './key-ring.ts'

const billing = createKey('billing')
const search = createKey('search')
const entry = ({ stored }: typeof billing) => `${stored.name}:${stored.sha256}\n`

let folder = ''
let file = ''
let clock = 0
const log = { info: vi.fn<() => void>(), error: vi.fn<() => void>() }
const open = (keysText?: string) => openKeyRing({ keysText, file, log, now: () => clock })

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'onqueue-ring-'))
  file = join(folder, 'api-keys')
  clock = 0
  vi.resetAllMocks()
})
afterEach(() => rmSync(folder, { recursive: true }))

test('keys come from the settings and from the file', () => {
  writeFileSync(file, entry(search))

  const ring = open(entry(billing))

  expect(ring.isKeyNeeded()).toBe(true)
  expect(ring.findOwner(billing.key)).toBe('billing')
  expect(ring.findOwner(search.key)).toBe('search')
  expect(ring.findOwner('oq_other')).toBeUndefined()
})

test('without keys and without a file no key is needed', () => {
  expect(open().isKeyNeeded()).toBe(false)
})

test('a new key is good within a second, without a restart', () => {
  const ring = open()
  writeFileSync(file, entry(billing))

  expect(ring.findOwner(billing.key)).toBeUndefined()
  clock = 1000

  expect(ring.findOwner(billing.key)).toBe('billing')
  expect(ring.isKeyNeeded()).toBe(true)
})

test('a revoked key is gone, and the last one leaves nothing open', () => {
  writeFileSync(file, entry(billing))
  const ring = open()

  rmSync(file)
  clock = 1000

  expect(ring.findOwner(billing.key)).toBeUndefined()
  expect(ring.isKeyNeeded()).toBe(true)
})

test('an entry that is damaged later is logged and skipped', () => {
  writeFileSync(file, entry(billing))
  const ring = open()

  writeFileSync(file, `nonsense\n${entry(search)}`)
  clock = 1000

  expect(ring.findOwner(search.key)).toBe('search')
  expect(log.error).toHaveBeenCalledOnce()
})

test('a file that can not be read later leaves the keys as they were', () => {
  writeFileSync(file, entry(billing))
  const ring = open()

  rmSync(file)
  // a folder in its place can't be read by any user, root included
  mkdirSync(file)
  clock = 1000

  expect(ring.findOwner(billing.key)).toBe('billing')
  expect(log.error).toHaveBeenCalledOnce()
})

test('a damaged or unreadable file at the start is refused', () => {
  writeFileSync(file, 'nonsense\n')

  expect(() => open()).toThrow(/api-keys: entry 1 is not name:sha256/)
  rmSync(file)
  mkdirSync(file)
  expect(() => open()).toThrow(/api key file .* can't be read/)
})

import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { createKeyFinder, parseKeysOf } from '../apps/api/src/access/api-keys.ts'
import { runKeysCommand } from './keys.ts'

let folder = ''
let file = ''

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'onqueue-keys-'))
  file = join(folder, 'data', 'api-keys')
})
afterEach(() => rmSync(folder, { recursive: true }))

const run = (...args: string[]) => runKeysCommand(args, { file })
const findName = (key: string) => createKeyFinder(parseKeysOf(file, readFileSync(file, 'utf8')))(key)

test('create prints a key once and stores its hash alone, readable by its owner only', () => {
  const { data: key } = run('create', 'billing')

  expect(key).toMatch(/^oq_[A-Za-z0-9_-]{43}$/)
  expect(readFileSync(file, 'utf8')).toMatch(/^billing:[0-9a-f]{64}\n$/)
  expect(findName(key)).toBe('billing')
  expect(statSync(file).mode & 0o777).toBe(0o600)
})

test('a key is appended to a file that was edited by hand', () => {
  run('create', 'billing')
  writeFileSync(file, `# made by hand\n${readFileSync(file, 'utf8').trim()}`)

  const { data: key } = run('create', 'search')

  expect(findName(key)).toBe('search')
  expect(run('list').data).toMatch(/^billing\t[0-9a-f]{12}\nsearch\t[0-9a-f]{12}$/)
})

test('a second key of a name needs --again, and one of the two can be revoked', () => {
  const { data: first } = run('create', 'billing')
  expect(() => run('create', 'billing')).toThrow('npm run keys -- create billing --again')
  const { data: second } = run('create', 'billing', '--again')
  const [, digits] = run('list').data.split('\n')[0]?.split('\t') ?? []

  run('revoke', `billing:${digits}`)

  expect(findName(first)).toBeUndefined()
  expect(findName(second)).toBe('billing')
})

test('revoke takes all keys of a name and leaves the rest of the file', () => {
  const { data: kept } = run('create', 'search')
  run('create', 'billing')
  run('create', 'billing', '--again')
  writeFileSync(
    file,
    `# ours\n${readFileSync(file, 'utf8').toUpperCase().replaceAll('SEARCH', 'search').replaceAll('BILLING', 'billing')}`,
  )

  expect(run('revoke', 'billing').note).toBe('Revoked: 2 keys of billing.')

  expect(readFileSync(file, 'utf8')).toMatch(/^# ours\nsearch:[0-9A-F]{64}\n$/)
  expect(findName(kept)).toBe('search')
  expect(statSync(file).mode & 0o777).toBe(0o600)
})

test('list says where there are none', () => {
  expect(run('list')).toEqual({ data: '', note: expect.stringContaining(`There are no keys in ${file}.`) })
})

test.each([
  [['create'], 'a key needs a name: 1 to 63 of a-z, 0-9 and -'],
  [['create', 'Billing Team'], '"Billing Team" is no name for a key'],
  [['create', 'anonymous'], '"anonymous" is no name for a key'],
  [['create', 'a'.repeat(64)], 'is no name for a key'],
  [['create', 'a', 'b'], '"b" is one word too many.'],
  [['create', '--force', 'a'], "Unknown option '--force'"],
  [['revoke', 'nobody'], 'there is no key "nobody"'],
  [['revoke'], 'there is no key ""'],
  [['remove', 'a'], 'there is no command "remove"'],
  [[], 'Usage:'],
])('%j is refused with a sentence', (args, message) => {
  expect(() => run(...args)).toThrow(message)
})

test('a damaged file is refused without repeating what stands there', () => {
  run('create', 'billing')
  writeFileSync(file, 'billing:oq_the-key-itself\n')

  expect(() => run('list')).toThrow(/api-keys: entry 1 is not name:sha256/)
  expect(() => run('list')).not.toThrow(/oq_the-key-itself/)
})

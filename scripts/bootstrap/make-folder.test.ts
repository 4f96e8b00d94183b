import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { makeFolder } from './make-folder.mjs'

const makeRoot = () => {
  const folder = mkdtempSync(join(tmpdir(), 'onqueue-folder-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  return folder
}

test('a folder is made with those that it is in, and may be there already', () => {
  const folder = join(makeRoot(), 'a/b/c')

  makeFolder(folder, { mode: 0o700 })
  makeFolder(folder)

  expect(statSync(folder).isDirectory()).toBe(true)
  expect(statSync(folder).mode & 0o777).toBe(0o700)
})

test('below a file there is no folder', () => {
  const file = join(makeRoot(), 'file')
  writeFileSync(file, '')

  expect(() => makeFolder(file)).toThrow(/EEXIST/)
  expect(() => makeFolder(join(file, 'a'))).toThrow(/ENOTDIR/)
  expect(() => makeFolder(join(file, 'a/b'))).toThrow(/ENOTDIR/)
})

test.runIf(process.platform === 'linux')('where the system makes none, that is said', () => {
  expect(() => makeFolder('/proc/nowhere')).toThrow(/ENOENT.*\/proc\/nowhere/)
  expect(() => makeFolder('/proc/nowhere/data')).toThrow(/ENOENT.*\/proc\/nowhere'/)
})

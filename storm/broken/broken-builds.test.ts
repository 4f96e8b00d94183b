import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { brokenBuilds } from './broken-builds.ts'

const root = join(import.meta.dirname, '../..')

test.each(brokenBuilds)('$name still finds the text that it replaces, once', ({ file, text }) => {
  const source = readFileSync(join(root, file), 'utf8')

  expect(source.split(text).length - 1).toBe(1)
})

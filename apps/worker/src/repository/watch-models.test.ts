import { mkdtemp, rename, mkdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { createLogger } from '@onqueue/shared'
import { watchModels } from './watch-models.ts'

let dir = ''
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'onqueue-watch-'))
})
afterEach(() => rm(dir, { recursive: true }))

test('a model that comes is pointed out, and not the hidden folder that it was copied into', async () => {
  const said: unknown[] = []
  const came = Promise.withResolvers<void>()
  const log = createLogger({ service: 'test', level: 'silent' })
  log.warn = (fields: unknown) => {
    said.push(fields)
    came.resolve()
  }
  const end = watchModels({ dir, known: [], log })

  await mkdir(join(dir, '.adding-digits'))
  await rename(join(dir, '.adding-digits'), join(dir, 'digits'))
  await came.promise
  end()

  expect(said).toEqual([{ model: 'digits' }])
})

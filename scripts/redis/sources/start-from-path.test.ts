import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { startFromPath } from './start-from-path.ts'

const settings = {
  folder: '/nonexistent',
  port: 1,
  password: 'secret',
  maxmemoryBytes: 1,
  appendonly: false,
  outlivesUs: false,
}

test('a Redis that is too old is passed over, and so is one that is not there', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'onqueue-path-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  const program = join(folder, 'redis-server')
  writeFileSync(program, '#!/bin/sh\necho "Redis server v=6.2.14 sha=00000000:0"\n')
  chmodSync(program, 0o755)

  await expect(startFromPath(settings, { env: { PATH: folder } })).rejects.toThrow(
    `${program} is 6.2.14, and 7.0 is needed; no valkey-server`,
  )
})

import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { expect, test } from 'vitest'

test('an argument is told that settings are variables, and nothing is started', () => {
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    [join(import.meta.dirname, 'start.ts'), '--port', '9000'],
    // were it started all the same, that would end it
    { encoding: 'utf8', env: { ...process.env, PORT: 'none' } },
  )

  expect([status, stdout]).toEqual([1, ''])
  expect(stderr).toBe(
    'npm start takes no arguments: settings are variables, such as PORT=9000 in .env or before the command; .env.example has all of them.\n',
  )
})

import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { SetupError } from '../bootstrap/setup-error.mjs'
import { pickPorts } from '../redis/ports.ts'
import { portSettings } from './apps.ts'
import { runOnQueue } from './run-onqueue.ts'
import { explainDataFolder } from './data-folder.ts'

const makeFolder = () => {
  const folder = mkdtempSync(join(tmpdir(), 'onqueue-data-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  return folder
}

/** The sentence with which a start ends that has no app to run. */
const startIn = async (dataDir: string) => {
  const complaints: string[] = []
  const exitCode = await runOnQueue({
    env: { ONQUEUE_DATA_DIR: dataDir, ...(await pickPorts(portSettings)) },
    apps: [],
    stop: new AbortController().signal,
    kill: new AbortController().signal,
    say: () => undefined,
    print: () => undefined,
    complain: (sentence) => void complaints.push(sentence),
  })
  return { exitCode, complaints }
}

const explained = (dataDir: string) => ({
  exitCode: 1,
  complaints: [
    expect.stringMatching(new RegExp(`^the data folder ${dataDir} can't be used .*set ONQUEUE_DATA_DIR`)),
  ],
})

test('a data folder that can not be made is told in one sentence', async () => {
  const file = join(makeFolder(), 'file')
  writeFileSync(file, '')

  expect(await startIn(join(file, 'data'))).toEqual(explained(join(file, 'data')))
})

test.runIf(process.platform === 'linux')('so is one where the system makes none', async () => {
  expect(await startIn('/proc/nowhere')).toEqual(explained('/proc/nowhere'))
  expect(await startIn('/proc/nowhere/data')).toEqual(explained('/proc/nowhere/data'))
})

test('so is one in which something else is where the secret, or Redis, has to be', async () => {
  const withSecret = makeFolder()
  mkdirSync(join(withSecret, 'secret'))
  const withRedis = makeFolder()
  writeFileSync(join(withRedis, 'redis'), '')

  expect(await startIn(withSecret)).toEqual(explained(withSecret))
  expect(await startIn(withRedis)).toEqual(explained(withRedis))
})

test.each(['EACCES', 'EROFS', 'ENOSPC', 'EPERM'])('so is %s', (code) => {
  const err = Object.assign(new Error(`${code}: no, open '/srv/data/secret'`), {
    code,
    syscall: 'open',
    path: '/srv/data/secret',
  })

  expect(explainDataFolder(err, '/srv/data')).toBeInstanceOf(SetupError)
})

test('what has nothing to do with the folder stays what it is', () => {
  const refused = Object.assign(new Error('no'), { code: 'ECONNREFUSED', syscall: 'connect' })
  const elsewhere = Object.assign(new Error('no'), { code: 'EACCES', syscall: 'open', path: '/etc/shadow' })

  expect(explainDataFolder(refused, '/srv/data')).toBe(refused)
  expect(explainDataFolder(elsewhere, '/srv/data')).toBe(elsewhere)
})

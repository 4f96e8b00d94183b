import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { countPresent, enter, identifyProcess, isProcessAlive, withFolderLock } from './presence.mjs'

const makeFolder = () => {
  const folder = mkdtempSync(join(tmpdir(), 'onqueue-presence-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  return folder
}

test('a pid that now belongs to another process is not the process that had it', () => {
  expect(isProcessAlive(identifyProcess(process.pid) ?? '')).toBe(true)
  expect(isProcessAlive(`${process.pid}-1`)).toBe(false)
})

test('whoever is gone no longer counts, and the entry is removed', () => {
  const folder = makeFolder()
  const leave = enter(folder)
  writeFileSync(join(folder, `${process.pid}-1.some-uuid`), '')

  expect(countPresent(folder)).toBe(1)
  expect(readdirSync(folder)).toHaveLength(1)
  leave()
  expect(countPresent(folder)).toBe(0)
})

test('bodies under one lock never overlap', async () => {
  const folder = makeFolder()
  const steps: string[] = []
  const body = async (name: string) => {
    steps.push(`${name} in`)
    await new Promise((resolve) => setImmediate(resolve))
    steps.push(`${name} out`)
  }

  await Promise.all(['a', 'b', 'c', 'd'].map((name) => withFolderLock(folder, () => body(name))))

  expect(steps).toHaveLength(8)
  for (let index = 0; index < 8; index += 2) {
    expect(steps[index + 1]).toBe(steps[index]?.replace('in', 'out'))
  }
})

test('a body that throws gives the lock back', async () => {
  const folder = makeFolder()

  await expect(withFolderLock(folder, () => Promise.reject(new Error('no')))).rejects.toThrow('no')

  expect(await withFolderLock(folder, () => 'next')).toBe('next')
})

test('somebody who waits is told so', async () => {
  const folder = makeFolder()
  const waiting = Promise.withResolvers<void>()
  const first = withFolderLock(folder, () => waiting.promise)

  await withFolderLock(folder, () => expect(existsSync(folder)).toBe(true), { onWait: waiting.resolve })

  await first
})

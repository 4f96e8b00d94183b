import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, onTestFinished } from 'vitest'
import { openBatches } from './batch.fixture.ts'

type Batches = Awaited<ReturnType<typeof openBatches>>

/** Batch executors that are closed when the test has finished. */
export const open = async (options?: Parameters<typeof openBatches>[0]) => {
  const batches = await openBatches(options)
  onTestFinished(() => batches.close())
  return batches
}

export const lines = (values: readonly unknown[]) =>
  values.map((value) => `${JSON.stringify(value)}\n`).join('')

export const irisLines = (rows: number) =>
  lines(
    Array.from({ length: rows }, (_, row) => ({
      features: [4 + (row % 40) / 10, 2 + (row % 25) / 10, 1 + (row % 60) / 10, (row % 25) / 10],
    })),
  )

/** Rows of `slow` that take so many ms each. */
export const slowLines = (...ms: number[]) => lines(ms.map((n) => ({ n: [n] })))

export const parse = (text: string | undefined): unknown[] =>
  (text ?? '')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line))

export const pidsOf = async ({ executors }: Batches) => (await executors.executors()).map(({ pid }) => pid)

export const isAlive = (pid: number) => {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}

/** Resolves once a part that is under way has something in it. */
export const untilPartHasBytes = (batches: Batches) =>
  expect
    .poll(async () => {
      const [name] = await batches.incoming()
      return name === undefined ? 0 : (await stat(join(batches.folder, 'incoming', name))).size
    })
    .toBeGreaterThan(0)

import { expect, test } from 'vitest'
import type { Verdict } from '../executor/protocol.ts'
import { KnownVersion } from './known-version.ts'

const undecided: Verdict = { maxRows: 1, reason: 'all the same', isUndecided: true }
const mayShare = (maxRows: number): Verdict => ({ maxRows, reason: null, isUndecided: false })
const mustNot: Verdict = { maxRows: 1, reason: 'rows are not independent', isUndecided: false }

/** Executors that find these out; undefined where one ends before it does. */
const known = (...verdicts: (Verdict | undefined)[]) => {
  const told: number[] = []
  const slots = verdicts.map((verdict) => ({
    executor: { prove: async () => verdict, share: (maxRows: number) => void told.push(maxRows) },
  }))
  const version = new KnownVersion({
    isUndecided: true,
    timing: { oneRowMs: 1, batchRows: 1, batchMs: 1 },
    memoryBytes: 1,
    peakBytes: 1,
    interface: {
      task: 'tensors',
      description: '',
      warnings: [],
      inputSchema: {},
      outputSchema: {},
      example: null,
      batching: { enabled: false, maxRows: 1, maxWaitMs: 2, reason: 'all the same' },
      providers: ['cpu'],
    },
  })
  return { version, told, prove: () => version.proveIn(() => slots) }
}

test('what an executor found out counts for all, where others know nothing', async () => {
  const { version, told, prove } = known(undecided, mayShare(64), undefined)

  expect(await prove()).toBe(true)

  expect(version.description).toMatchObject({
    isUndecided: false,
    interface: { batching: { enabled: true, maxRows: 64, reason: null } },
  })
  expect(told).toEqual([64, 64, 64])
})

test('rows that changed each other in one executor count more than those that did not in another', async () => {
  const { version, told, prove } = known(mayShare(64), mustNot)

  expect(await prove()).toBe(true)

  expect(version.description.interface.batching).toMatchObject({
    enabled: false,
    maxRows: 1,
    reason: 'rows are not independent',
  })
  expect(told).toEqual([1, 1])
})

test('the fewest rows that were proven count', async () => {
  const { told, prove } = known(mayShare(64), mayShare(16))

  await prove()

  expect(told).toEqual([16, 16])
})

test('where nobody found anything out it is not known', async () => {
  const { version, told, prove } = known(undecided, undefined)

  expect(await prove()).toBe(false)
  expect(version.description.isUndecided).toBe(true)
  expect(told).toEqual([])
})

import type { Heartbeat } from '@onqueue/shared'
import { expect, test } from 'vitest'
import { modelEntry } from '../../models/model-entry.fixture.ts'
import { packRowsOf } from './pack-rows.ts'

const heartbeat = (rowMs: number | undefined, digest = 'd1'): Heartbeat => ({
  workerId: 'w',
  at: 0,
  rowsPerSecond: 1,
  versions: [
    {
      version: '1',
      digest,
      status: 'ready',
      reason: null,
      memoryBytes: 0,
      ...(rowMs === undefined ? {} : { rowMs }),
    },
  ],
})
const rowsOf = (...heartbeats: Heartbeat[]) => packRowsOf(modelEntry('iris', { heartbeats }), 'd1')

test('a pack has as many rows as take ten milliseconds, and 64 at the most', () => {
  expect(rowsOf(heartbeat(0.001))).toBe(64)
  expect(rowsOf(heartbeat(1))).toBe(10)
  expect(rowsOf(heartbeat(4))).toBe(2)
})

test('predictions of a heavy model go one by one', () => {
  expect(rowsOf(heartbeat(5.1))).toBe(1)
  expect(rowsOf(heartbeat(500))).toBe(1)
})

test('the slowest worker of the version counts, and no other version', () => {
  expect(rowsOf(heartbeat(0.1), heartbeat(2), heartbeat(50, 'd2'))).toBe(5)
})

test('while no worker says what a row takes there are no packs', () => {
  expect(rowsOf()).toBe(1)
  expect(rowsOf(heartbeat(undefined))).toBe(1)
  expect(packRowsOf(undefined, 'd1')).toBe(1)
})

import { expect, test } from 'vitest'
import type { Loaded } from '../executor/protocol.ts'
import { readModelSettings } from '../repository/read-model-settings.ts'
import { describeVersion } from './describe-version.ts'

const timing = { oneRowMs: 1, batchRows: 64, batchMs: 3 }
const loaded: Loaded = {
  type: 'loaded',
  isUndecided: false,
  found: {
    warnings: ['a warning'],
    inputSchema: { type: 'object' },
    outputSchema: { type: 'number' },
    example: { features: [1] },
    batching: { enabled: true, maxRows: 64, reason: null },
    providers: ['cpu'],
  },
  memoryBytes: 1000,
  grownBytes: 900,
  peakBytes: 1000,
  timing,
}

test('what the executor found and what model.yaml says make up what a version offers', () => {
  const settings = readModelSettings(
    'description: A sum\ntask: tabular-regression\nbatching: { max_wait_ms: 7 }',
  )

  const description = describeVersion(settings, loaded)

  expect(description).toEqual({
    interface: {
      warnings: ['a warning'],
      description: 'A sum',
      task: 'tabular-regression',
      inputSchema: { type: 'object' },
      outputSchema: { type: 'number' },
      example: { features: [1] },
      batching: { enabled: true, maxRows: 64, maxWaitMs: 7, reason: null },
      providers: ['cpu'],
    },
    isUndecided: false,
    memoryBytes: 1000,
    peakBytes: 1000,
    timing,
  })
})

test('a version that takes no batches says so', () => {
  const settings = readModelSettings('batch: { executor: off }')

  expect(describeVersion(settings, loaded).interface.takesBatches).toBe(false)
})

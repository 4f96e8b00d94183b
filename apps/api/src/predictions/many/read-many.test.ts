import { AppError, StoredJson } from '@onqueue/shared'
import { expect, test } from 'vitest'
import { predictionRecord, succeeded } from '../prediction-record.fixture.ts'
import type { FoundPrediction } from '../read-prediction.ts'
import { createReadMany } from './read-many.ts'

const both = new Set(['input', 'output'] as const)
const ids = (count: number) => Array.from({ length: count }, (_, index) => `iris-${index}`)
const idOf = (one: FoundPrediction) => (one instanceof AppError ? null : one.id)

/** A reader of predictions that are all there but for `gone`, each with an output of so many bytes. */
const open = ({ bytes = 2, gone = '' } = {}) => {
  const read: string[] = []
  const readMany = createReadMany({
    reader: {
      readEach: async (asked) => {
        read.push(...asked)
        return asked.map((id) =>
          id === gone
            ? new AppError('prediction_not_found', 'no such prediction')
            : predictionRecord({
                id,
                input: 'in',
                job: { input: 'in' },
                outcome: { ...succeeded, output: new StoredJson(bytes, async () => new Uint8Array()) },
              }),
        )
      },
    },
  })
  return { readMany, read }
}

test('predictions come in the order of their ids, doubled ones twice, and an error where there is none', async () => {
  const { readMany } = open({ gone: 'iris-9' })

  const { found, left } = await readMany(['iris-2', 'iris-9', 'iris-1', 'iris-2'], {
    owner: 'alice',
    include: both,
  })

  expect(found.map(idOf)).toEqual(['iris-2', null, 'iris-1', 'iris-2'])
  expect(found[1]).toMatchObject({ code: 'prediction_not_found' })
  expect(left).toEqual([])
})

test('a page that is full leaves the ids behind it, of which hardly any are read', async () => {
  const { readMany, read } = open({ bytes: 100_000, gone: 'iris-3' })

  const { found, left } = await readMany(ids(1000), { owner: 'alice', include: both })

  expect(found).toHaveLength(11)
  expect(left).toEqual(ids(1000).slice(11))
  expect(read).toHaveLength(20)
})

test('what is long is no part of a page that does not ask for it, and is not held', async () => {
  const { readMany } = open({ bytes: 10_000_000 })

  const { found, left } = await readMany(ids(50), { owner: 'alice', include: new Set() })

  expect(found).toHaveLength(50)
  expect(left).toEqual([])
  expect(found[0]).toMatchObject({ input: null, outcome: { output: null } })
  expect(found[0]).not.toHaveProperty('job.input')
})

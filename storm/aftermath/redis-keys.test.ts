import { chunkQueueName, deliveryKeys, fileKeys, globalKeys, modelKeys } from '@onqueue/shared'
import { expect, test } from 'vitest'
import { createKeyReader } from './redis-keys.ts'

const id = 'demo-classifier-01JD7QZ9V6T8W3Y5X2B4N6M8K0'
const keys = modelKeys('storm', 'demo-classifier')
const delivery = deliveryKeys('storm')
const read = createKeyReader('storm', ['demo-classifier'])

test.each([
  [keys.outcome(id), { family: 'outcome', id }],
  [keys.input(id), { family: 'input', id }],
  [keys.pack(id), { family: 'pack', id }],
  [keys.queue(id), { family: 'job', id }],
  [`${keys.queue(id)}:lock`, { family: 'job lock', id }],
  [keys.queue('wait'), { family: 'queue wait' }],
  [keys.queue(`batch-${id}-7`, chunkQueueName), { family: 'chunk job' }],
  [keys.queue('wait', chunkQueueName), { family: 'chunk queue wait' }],
  [keys.batchDone(`batch-${id}`), { family: 'batchDone' }],
  [fileKeys('storm').uses('file-1'), { family: 'files uses' }],
  [keys.extraRows, { family: 'extraRows' }],
  [keys.index('somebody'), { family: 'index' }],
  [delivery.body(`wh-${id.slice(-26)}`), { family: 'delivery body', id: `wh-${id.slice(-26)}` }],
  [delivery.delivery(`wh-batch-${id.slice(-26)}`), { family: 'delivery', id: `wh-batch-${id.slice(-26)}` }],
  [delivery.schedule('somebody http://a.test'), { family: 'deliveries schedule' }],
  [globalKeys('storm').webhookSecrets('somebody'), { family: 'webhookSecrets' }],
])('%s is known', (key, kind) => {
  expect(read(key)).toEqual(kind)
})

test('a key that nobody has a name for is a stranger', () => {
  expect(read('storm:{demo-classifier}:left-over')).toBeUndefined()
  expect(read(keys.queue('someone-else'))).toBeUndefined()
})

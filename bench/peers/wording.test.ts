import { expect, test } from 'vitest'
import type { Case } from './cases.ts'
import {
  bentoWording,
  litServeWording,
  mlServerWording,
  onqueueWording,
  plainWording,
  plainQueueWording,
} from './wording.ts'

const tiny: Case = { model: 'tiny', values: [1, 2, 3, 4], prediction: 1, probability: 0.75 }
const heavy: Case = { model: 'heavy', values: [0.5], y: [0.25] }

test('each server is asked for the same row in its own way', () => {
  const wordings = [plainWording, onqueueWording, litServeWording, bentoWording]

  expect(wordings.map(({ predict }) => predict(tiny).body)).toEqual([
    '{"features":[1,2,3,4]}',
    '{"features":[1,2,3,4]}',
    '{"values":[1,2,3,4]}',
    '{"rows":[[1,2,3,4]]}',
  ])
  expect(wordings.map(({ predict }) => predict(heavy).expected)).toEqual([
    { y: [0.25] },
    { y: [0.25] },
    { y: [0.25] },
    [[0.25]],
  ])
})

test('MLServer is asked by tensors', () => {
  const { path, body, expected } = mlServerWording.predict(tiny)

  expect(path).toBe('/v2/models/tiny/infer')
  expect(JSON.parse(body)).toEqual({
    inputs: [{ name: 'x', shape: [1, 4], datatype: 'FP64', data: [1, 2, 3, 4] }],
    outputs: [{ name: 'predict' }, { name: 'predict_proba' }],
  })
  expect(expected).toEqual({
    outputs: [
      { name: 'predict', data: [1] },
      { name: 'predict_proba', data: [0.25, 0.75] },
    ],
  })
})

test('who has a queue is asked again for what was submitted', () => {
  expect([onqueueWording, plainQueueWording].map(({ submit }) => submit(heavy))).toEqual([
    {
      path: '/v1/models/heavy/predictions',
      body: '{"input":{"x":[0.5]}}',
      readPath: '/v1/predictions/',
      expected: { status: 'succeeded', output: { y: [0.25] } },
    },
    {
      path: '/predictions',
      body: '{"x":[0.5]}',
      readPath: '/predictions/',
      expected: { status: 'succeeded', output: { y: [0.25] } },
    },
  ])
})

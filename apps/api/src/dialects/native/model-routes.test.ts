import { AppError } from '@onqueue/shared'
import { expect, test } from 'vitest'
import { modelEntry, modelsOf } from '../../models/model-entry.fixture.ts'
import { modelRoutes } from './model-routes.ts'

const app = modelRoutes({
  models: modelsOf([modelEntry('iris'), modelEntry('minilm')], async (model) =>
    model === 'iris' ? { count: 2, oldestAgeSeconds: 0.25 } : { count: 0, oldestAgeSeconds: null },
  ),
  publicUrl: 'https://ml.example.com',
})
app.onError((err, c) =>
  err instanceof AppError ? c.json({ code: err.code, detail: err.message }, 404) : c.text('', 500),
)

test('all cards, by name', async () => {
  const response = await app.request('/v1/models')

  expect(response.status).toBe(200)
  expect(await response.json()).toMatchObject({ results: [{ name: 'iris' }, { name: 'minilm' }] })
})

test('one card, with its backlog and absolute urls', async () => {
  const response = await app.request('/v1/models/iris')

  expect(await response.json()).toMatchObject({
    object: 'model',
    backlog: { waiting: 2, oldest_age: 0.25 },
    urls: { predict: 'https://ml.example.com/v1/models/iris/predict' },
  })
})

test('an unknown model is told the known ones', async () => {
  const response = await app.request('/v1/models/irsi')

  expect(response.status).toBe(404)
  expect(await response.json()).toEqual({
    code: 'model_not_found',
    detail: 'model "irsi" is not here; did you mean "iris"? known models: iris, minilm',
  })
})

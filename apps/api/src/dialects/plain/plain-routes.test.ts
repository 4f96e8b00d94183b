import { AppError, httpStatusOf } from '@onqueue/shared'
import type { ModelEntry } from '@onqueue/shared'
import { Hono } from 'hono'
import { expect, test } from 'vitest'
import type { ApiEnvironment } from '../../http/api-environment.ts'
import { modelEntry, modelsOf } from '../../models/model-entry.fixture.ts'
import type { PredictNow } from '../../submit/predict-now.ts'
import { requestId } from '../../http/request-id.ts'
import { plainRoutes } from './plain-routes.ts'

const classifier = modelEntry('demo', {
  card: {
    model: 'demo',
    version: '3',
    outputSchema: {
      type: 'object',
      properties: { prediction: { enum: [0, 1] }, probabilities: { type: 'object' } },
    },
  },
})

const succeeded = { prediction: 1, probabilities: { '0': 0.07, '1': 0.93 } }

const startApp = ({
  entries = [classifier],
  output = succeeded,
}: {
  entries?: ModelEntry[]
  output?: unknown
} = {}) => {
  const asked: Parameters<PredictNow>[0][] = []
  const models = modelsOf(entries)
  const app = new Hono<ApiEnvironment>()
  app.use(requestId)
  app.route(
    '/',
    plainRoutes({
      defaultModel: 'demo',
      models,
      predictions: {
        predictNow: async (request) => {
          asked.push(request)
          if (models.get(request.model)?.heartbeats.length === 0)
            throw new AppError('model_unavailable', 'no worker')
          return {
            id: 'demo-1',
            status: 'succeeded',
            output,
            error: null,
            startedAt: 0,
            completedAt: 0,
            predictMs: 1,
            batchSize: 1,
            attempts: 1,
          }
        },
      },
      readJsonBody: async (c) => ({ value: await c.req.json() }),
    }),
  )
  app.onError((err, c) => {
    if (!(err instanceof AppError)) throw err
    return c.json({ code: err.code, detail: err.message }, httpStatusOf[err.code])
  })
  const predict = (input: unknown) => app.request('/predict', { method: 'POST', body: JSON.stringify(input) })
  return { app, asked, predict }
}

test('the default model answers in the plain form', async () => {
  const { predict, asked } = startApp()

  const response = await predict({ features: [0.5, 1.2, -0.8, 2.0] })

  expect(response.status).toBe(200)
  expect(response.headers.get('content-type')).toBe('application/json')
  expect(await response.json()).toEqual({ prediction: 1, probability_class_1: 0.93 })
  expect(asked[0]?.waitMs).toBeCloseTo(30_000, -3)
  expect(asked).toMatchObject([
    {
      model: 'demo',
      version: '3',
      body: { value: { features: [0.5, 1.2, -0.8, 2.0] } },
      requestId: expect.any(String),
    },
  ])
})

test('a model of another kind answers its own output', async () => {
  const { predict } = startApp({
    entries: [modelEntry('demo', { card: { task: 'tensors' } })],
    output: { y: [[1]] },
  })

  expect(await (await predict({ x: [1] })).json()).toEqual({ y: [[1]] })
})

test('503 while the model is loaded nowhere, known or not', async () => {
  const lost = modelEntry('demo', { served: { status: 'unavailable' }, heartbeats: [] })

  const unknown = await startApp({ entries: [] }).predict({ features: [1] })
  const unavailable = await startApp({ entries: [lost] }).predict({ features: [1] })

  expect([unknown.status, unavailable.status]).toEqual([503, 503])
  expect(await unknown.json()).toEqual({
    code: 'model_unavailable',
    detail:
      'model "demo" is loaded nowhere; start a worker that has it, or set ONQUEUE_DEFAULT_MODEL to one that is in GET /v1/models',
  })
})

test('health is always 200 and says whether the model is loaded', async () => {
  const tell = async (entries: ModelEntry[]) => {
    const response = await startApp({ entries }).app.request('/health')
    return { status: response.status, body: await response.json() }
  }
  const loading = modelEntry('demo', { served: { status: 'loading' } })

  expect(await tell([classifier])).toEqual({ status: 200, body: { status: 'ok', model_loaded: true } })
  expect(await tell([loading])).toEqual({ status: 200, body: { status: 'ok', model_loaded: false } })
  expect(await tell([])).toEqual({ status: 200, body: { status: 'ok', model_loaded: false } })
})

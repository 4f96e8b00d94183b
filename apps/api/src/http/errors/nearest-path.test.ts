import { expect, test } from 'vitest'
import { nearestPath } from './nearest-path.ts'

const patterns = [
  '/v1/models',
  '/v1/models/:model',
  '/v1/models/:model/predict',
  '/v1/models/:model/predictions',
  '/v1/predictions',
  '/v1/predictions/:id',
  '/v1/predictions/:id/events',
  '/v1/webhooks/default/secret',
  '/predict',
  '/health',
  '/livez',
  '/docs',
  '/openapi.json',
]

test.each([
  ['/v1/models/', '/v1/models'],
  ['//v1/models', '/v1/models'],
  ['/v1//models/iris//predict/', '/v1/models/iris/predict'],
  ['/v1/model/iris/predict', '/v1/models/iris/predict'],
  ['/V1/Models/iris/Predict', '/v1/models/iris/predict'],
  ['/v1/models/iris/prediction', '/v1/models/iris/predictions'],
  ['/models/iris/predict', '/v1/models/iris/predict'],
  ['/models', '/v1/models'],
  ['/v1', '/v1/models'],
  ['/v1/prediction/iris-01ABC', '/v1/predictions/iris-01ABC'],
  ['/onqueue/v1/models', '/v1/models'],
  ['/v1/predictions/iris-01ABC/event', '/v1/predictions/iris-01ABC/events'],
  ['/v1/webhooks/secret', '/v1/webhooks/default/secret'],
  ['/v1/iris/predict', '/v1/models/iris/predict'],
  ['/healthz', '/health'],
  ['/docs/', '/docs'],
  ['/openapi.jsn', '/openapi.json'],
])('%s was meant to be %s', (path, meant) => {
  expect(nearestPath(path, patterns)).toBe(meant)
})

test.each([
  '/',
  '/nothing',
  '/wp-login.php',
  '/v1/chat/completions',
  '/a/b/c/d',
  '/v1/models/%3Cscript%3E/predct',
  `/v1/model/${'a'.repeat(101)}`,
  `/${'a/'.repeat(100)}`,
])('%s was meant to be nothing here', (path) => {
  expect(nearestPath(path, patterns)).toBeUndefined()
})

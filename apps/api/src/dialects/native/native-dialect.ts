import { OpenAPIHono } from '@hono/zod-openapi'
import { readBearerKey } from '../../access/bearer-key.ts'
import type { Batches } from '../../batches/open-batches.ts'
import type { Deliveries } from '../../deliveries/open-deliveries.ts'
import type { Files } from '../../files/open-files.ts'
import type { ApiEnvironment } from '../../http/api-environment.ts'
import type { ReadJsonBody, ReadJsonText, ReadShortBody } from '../../http/bodies/json-body.ts'
import type { Dialect } from '../../http/dialect.ts'
import { createLocate } from '../../http/errors/locate.ts'
import { problemResponse } from '../../http/errors/problem.ts'
import { addHotRoute } from '../../http/hot-route.ts'
import type { Models } from '../../models/open-models.ts'
import type { Predictions } from '../../submit/open-submit.ts'
import { batchRoutes } from './batch-routes.ts'
import { bulkRoute } from './bulk-route.ts'
import { deliveryRoutes } from './delivery-routes.ts'
import { fileRoutes } from './file-routes.ts'
import { cancelManyRoute } from './many/cancel-many-route.ts'
import { readManyRoute } from './many/read-many-route.ts'
import { modelRoutes } from './model-routes.ts'
import { opensEvents } from './open-events.ts'
import { pollRoute } from './poll-route.ts'
import { predictRoute } from './predict-route.ts'
import { predictionEventsRoutes } from './prediction-events-routes.ts'
import { predictionListRoutes } from './prediction-list-routes.ts'
import { predictionRoutes } from './prediction-routes.ts'
import { submitRoute } from './submit-route.ts'
import { webhookRoutes } from './webhook-routes.ts'

/** The server's own dialect: `/v1`, problem documents, bearer keys. It has the word wherever no other dialect has it. */
export const createNativeDialect = ({
  predictions,
  models,
  deliveries,
  files,
  batches,
  clock,
  readJsonBody,
  readJsonText,
  readShortBody,
  publicUrl,
}: {
  predictions: Predictions
  models: Models
  deliveries: Deliveries
  files: Files
  batches: Batches
  /** Redis' */
  clock: () => number
  readJsonBody: ReadJsonBody
  /** of bodies that may be lines, too */
  readJsonText: ReadJsonText
  readShortBody: ReadShortBody
  publicUrl: string
}): Dialect => {
  const locate = createLocate(publicUrl)
  const routes = new OpenAPIHono<ApiEnvironment>()
  const hotRoutes = [
    submitRoute({ predictions, readJsonBody, locate }),
    bulkRoute({ predictions, readJsonText }),
    pollRoute({ predictions }),
    predictRoute({ predictions, readJsonBody }),
  ]
  for (const hotRoute of hotRoutes) addHotRoute(routes, hotRoute)
  routes.route('/', predictionRoutes({ predictions }))
  routes.route('/', readManyRoute({ predictions }))
  routes.route('/', cancelManyRoute({ predictions }))
  routes.route('/', predictionEventsRoutes({ predictions }))
  routes.route('/', predictionListRoutes({ predictions, publicUrl }))
  routes.route('/', deliveryRoutes({ predictions, deliveries, readShortBody, publicUrl }))
  routes.route('/', webhookRoutes({ deliveries, readShortBody, locate }))
  routes.route('/', fileRoutes({ files, publicUrl, locate }))
  routes.route('/', batchRoutes({ batches, idleMs: files.idleMs, readShortBody, clock, publicUrl, locate }))
  routes.route('/', modelRoutes({ models, publicUrl }))

  return {
    name: 'native',
    routes,
    hotRoutes,
    ownsPath: (path) => path.startsWith('/v1/'),
    isOpen: () => false,
    isProbe: () => false,
    toErrorResponse: problemResponse,
    readKey: readBearerKey,
    opensWithoutKey: (request) => opensEvents(request, predictions.readEventsToken),
  }
}

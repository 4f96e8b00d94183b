import { readBearerKey } from '../../access/bearer-key.ts'
import type { ReadJsonBody } from '../../http/bodies/json-body.ts'
import type { Dialect, OpenPaths } from '../../http/dialect.ts'
import { problemResponse } from '../../http/errors/problem.ts'
import type { Models } from '../../models/open-models.ts'
import type { Predictions } from '../../submit/open-submit.ts'
import { plainRoutes } from './plain-routes.ts'

/** The plain service that people start from: one model at `POST /predict`, and `GET /health`, open to everybody. */
export const createPlainDialect = ({
  predictions,
  models,
  readJsonBody,
  defaultModel,
}: {
  predictions: Pick<Predictions, 'predictNow'>
  models: Pick<Models, 'get'>
  readJsonBody: ReadJsonBody
  defaultModel: string
}): Dialect => ({
  name: 'plain',
  routes: plainRoutes({ predictions, models, readJsonBody, defaultModel }),
  ownsPath: (path) => path === '/predict' || path === '/health',
  ...plainPaths,
  toErrorResponse: problemResponse,
  readKey: readBearerKey,
})

export const plainPaths: OpenPaths = {
  isOpen: (path) => path === '/health',
  isProbe: (path) => path === '/health',
}

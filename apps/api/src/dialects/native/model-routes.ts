import { createRoute, OpenAPIHono, z } from '@hono/zod-openapi'
import { AppError, nearestNames } from '@onqueue/shared'
import type { ModelEntry } from '@onqueue/shared'
import type { ApiEnvironment } from '../../http/api-environment.ts'
import { cardSchema, cardUrls, toCard } from '../../models/card.ts'
import type { Models } from '../../models/open-models.ts'

/** `GET /v1/models` and `GET /v1/models/{model}`: the cards, with what waits for each model right now. */
export const modelRoutes = ({
  models,
  publicUrl,
}: {
  models: Pick<Models, 'list' | 'get' | 'readBacklog'>
  publicUrl: string
}) => {
  const readCard = async (entry: ModelEntry) =>
    toCard(entry, await models.readBacklog(entry.name), cardUrls(publicUrl, entry.name))

  return new OpenAPIHono<ApiEnvironment>()
    .openapi(listModels, async (c) =>
      c.json({ results: await Promise.all(models.list().map(readCard)) }, 200),
    )
    .openapi(getModel, async (c) => {
      const name = c.req.valid('param').model
      const entry = models.get(name)
      if (!entry) throw modelNotFound(name, models.list())
      return c.json(await readCard(entry), 200)
    })
}

const modelNotFound = (name: string, entries: ModelEntry[]) => {
  const wanted = name.slice(0, 64)
  const known = nearestNames(
    wanted,
    entries.map((entry) => entry.name),
  ).slice(0, 10)
  return new AppError(
    'model_not_found',
    `model "${wanted}" is not here; ${known.length > 0 ? `known models: ${known.join(', ')}` : 'no model has been loaded yet'}`,
  )
}

const listModels = createRoute({
  method: 'get',
  path: '/v1/models',
  operationId: 'listModels',
  tags: ['Models'],
  summary: 'The cards of all models',
  responses: {
    200: {
      description: 'Every model that a worker ever published, by name.',
      content: { 'application/json': { schema: z.object({ results: z.array(cardSchema) }) } },
    },
  },
})

const getModel = createRoute({
  method: 'get',
  path: '/v1/models/{model}',
  operationId: 'getModel',
  tags: ['Models'],
  summary: 'The card of one model',
  request: { params: z.object({ model: z.string().describe('Name of the model.') }) },
  responses: {
    200: { description: 'The card.', content: { 'application/json': { schema: cardSchema } } },
    404: { $ref: '#/components/responses/Problem' },
  },
})

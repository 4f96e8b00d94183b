import { createRoute, OpenAPIHono, z } from '@hono/zod-openapi'
import type { ModelEntry } from '@onqueue/shared'
import type { ApiEnvironment } from '../../http/api-environment.ts'
import { readQuery } from '../../http/read-query.ts'
import { cardSchema, cardUrls, toCard } from '../../models/card.ts'
import { modelNotFound } from '../../models/model-not-found.ts'
import type { Models } from '../../models/open-models.ts'

/** `GET /v1/models` and `GET /v1/models/{model}`: the cards, with what waits for each model right now. */
export const modelRoutes = ({
  models,
  publicUrl,
}: {
  models: Pick<Models, 'list' | 'get' | 'readWaiting' | 'storage'>
  publicUrl: string
}) => {
  const readCard = async (entry: ModelEntry) =>
    toCard(entry, await models.readWaiting(entry.name), cardUrls(publicUrl, entry.name), models.storage())

  return new OpenAPIHono<ApiEnvironment>()
    .openapi(listModels, async (c) => {
      readQuery(c.req, [])
      return c.json({ results: await Promise.all(models.list().map(readCard)) }, 200)
    })
    .openapi(getModel, async (c) => {
      const name = c.req.valid('param').model
      const entry = models.get(name)
      if (!entry) {
        const known = models.list().map((other) => other.name)
        throw modelNotFound(name, known)
      }
      return c.json(await readCard(entry), 200)
    })
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

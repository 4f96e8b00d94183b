import { createRoute, OpenAPIHono, z } from '@hono/zod-openapi'
import { statuses } from '@onqueue/shared'
import { answerJson } from '../../http/answers/answer-json.ts'
import type { ApiEnvironment } from '../../http/api-environment.ts'
import { decodeCursor, encodeCursor } from '../../http/list-cursor.ts'
import type { ListCursor } from '../../http/list-cursor.ts'
import type { Predictions } from '../../submit/open-submit.ts'
import { json, limit, predictionResource, problem, time } from './prediction-docs.ts'

/** Lists the caller's own predictions. */
export const predictionListRoutes = ({
  predictions: { list, show },
  publicUrl,
}: {
  predictions: Pick<Predictions, 'list' | 'show'>
  publicUrl: string
}) => {
  const app = new OpenAPIHono<ApiEnvironment>()

  app.openapi(listRoute, async (c) => {
    const query = c.req.valid('query')
    const included = new Set((['input', 'output'] as const).filter((part) => query.include?.includes(part)))
    const page = await list({
      owner: c.get('owner'),
      model: query.model,
      status: query.status,
      createdAfter: query.created_after,
      createdBefore: query.created_before,
      limit: query.limit,
      include: included,
      cursor: query.cursor === undefined ? undefined : decodeCursor(query.cursor),
    })
    const linkTo = (cursor: ListCursor | null) => {
      if (!cursor) return null
      const url = new URL(`${publicUrl}/v1/predictions`)
      url.search = new URL(c.req.url).search
      url.searchParams.set('cursor', encodeCursor(cursor))
      return url.href
    }
    const results = page.records.map((record) => {
      const { input, output, ...prediction } = show(record)
      return {
        ...prediction,
        ...(included.has('input') ? { input } : {}),
        ...(included.has('output') ? { output } : {}),
      }
    })
    return answerJson(c, { results, next: linkTo(page.next), previous: linkTo(page.previous) }, 200)
  })

  return app
}

const querySchema = z.strictObject({
  model: z.string().optional(),
  status: z.enum(statuses).optional(),
  created_after: time.optional(),
  created_before: time.optional(),
  limit,
  cursor: z.string().optional().describe('From next or previous of a page.'),
  include: z
    .string()
    .regex(/^ *(input|output)( *, *(input|output))* *$/, 'takes input, output or input,output')
    .optional()
    .openapi({ example: 'input,output' }),
})

const listed = predictionResource.omit({ input: true, output: true }).extend({
  input: z.unknown().optional(),
  output: z.unknown().optional(),
})

const listRoute = createRoute({
  method: 'get',
  path: '/v1/predictions',
  operationId: 'listPredictions',
  tags: ['Predictions'],
  summary: 'Your predictions, newest first',
  request: { query: querySchema },
  responses: {
    200: json(
      z.object({ results: z.array(listed), next: z.url().nullable(), previous: z.url().nullable() }),
      'A page; next and previous are links, or null.',
    ),
    400: problem('A query parameter is malformed.'),
  },
})

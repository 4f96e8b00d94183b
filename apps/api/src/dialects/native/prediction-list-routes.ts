import { createRoute, OpenAPIHono, z } from '@hono/zod-openapi'
import { statuses } from '@onqueue/shared'
import { answerJson } from '../../http/answers/answer-json.ts'
import type { ApiContext, ApiEnvironment } from '../../http/api-environment.ts'
import { decodeCursor, encodeCursor } from '../../http/list-cursor.ts'
import type { ListCursor } from '../../http/list-cursor.ts'
import { unusable } from '../../http/read-query.ts'
import type { Included } from '../../predictions/many/keep-included.ts'
import type { Predictions } from '../../submit/open-submit.ts'
import { maxIdCharacters } from './many/asked-ids.ts'
import { listedResource, listedWith, notFoundResource, showFound } from './many/found-prediction.ts'
import { json, limit, problem, time } from './prediction-docs.ts'

/** Lists the caller's own predictions, or those of the ids that are asked for. */
export const predictionListRoutes = ({
  predictions: { list, readMany, show },
  publicUrl,
}: {
  predictions: Pick<Predictions, 'list' | 'readMany' | 'show'>
  publicUrl: string
}) => {
  const app = new OpenAPIHono<ApiEnvironment>()

  /** The same list, from somewhere else on. */
  const linkWith = (c: ApiContext, name: 'cursor' | 'ids', value: string) => {
    const url = new URL(`${publicUrl}/v1/predictions`)
    url.search = new URL(c.req.url).search
    url.searchParams.set(name, value)
    return url.href
  }
  const listPage = async (c: ApiContext, query: z.infer<typeof querySchema>, include: Included) => {
    const page = await list({
      owner: c.get('owner'),
      model: query.model,
      status: query.status,
      createdAfter: query.created_after,
      createdBefore: query.created_before,
      limit: query.limit,
      include,
      cursor: query.cursor === undefined ? undefined : decodeCursor(query.cursor),
    })
    const linkTo = (cursor: ListCursor | null) => cursor && linkWith(c, 'cursor', encodeCursor(cursor))
    return {
      results: page.records.map(listedWith(show, include)),
      next: linkTo(page.next),
      previous: linkTo(page.previous),
    }
  }
  const listIds = async (c: ApiContext, ids: string[], include: Included) => {
    refuseFilters(c)
    const { found, left } = await readMany(ids, { owner: c.get('owner'), include })
    return {
      results: await showFound(found, listedWith(show, include)),
      next: left.length > 0 ? linkWith(c, 'ids', left.join(',')) : null,
      previous: null,
    }
  }

  app.openapi(listRoute, async (c) => {
    const query = c.req.valid('query')
    const include = new Set((['input', 'output'] as const).filter((part) => query.include?.includes(part)))
    const page = query.ids ? listIds(c, query.ids, include) : listPage(c, query, include)
    return answerJson(c, await page, 200)
  })

  return app
}

const refuseFilters = (c: ApiContext) => {
  const others = Object.keys(c.req.query()).filter((name) => name !== 'ids' && name !== 'include')
  if (others.length === 0) return
  throw unusable('ids', `says which predictions, so leave out ${others.join(' and ')}`)
}

const oneId = `[^,]{1,${maxIdCharacters}}`

const querySchema = z.strictObject({
  ids: z
    .string()
    .regex(
      new RegExp(`^${oneId}(,${oneId}){0,99}$`),
      'takes 1 to 100 ids, with commas in between; POST /v1/predictions/read takes 1,000',
    )
    .transform((text) => text.split(','))
    .optional()
    .describe('Of the predictions to show, in this order; together with include only.'),
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

const listRoute = createRoute({
  method: 'get',
  path: '/v1/predictions',
  operationId: 'listPredictions',
  tags: ['Predictions'],
  summary: 'Your predictions, newest first, or those of some ids',
  request: { query: querySchema },
  responses: {
    200: json(
      z.object({
        results: z.array(z.union([listedResource, notFoundResource])),
        next: z.url().nullable(),
        previous: z.url().nullable(),
      }),
      'A page; next and previous are links, or null. Where ids were asked for, a problem stands in place of one that is not there.',
    ),
    400: problem('A query parameter is malformed.'),
  },
})

import { createRoute, z } from '@hono/zod-openapi'
import { AppError, httpStatusOf } from '@onqueue/shared'
import { jsonAnswer } from '../../http/answers/answer-json.ts'
import { saysJsonLines } from '../../http/bodies/json-body.ts'
import type { ReadJsonText } from '../../http/bodies/json-body.ts'
import { problemLine } from '../../http/errors/problem.ts'
import type { HotRoute } from '../../http/hot-route.ts'
import { parseIdempotencyKey } from '../../http/idempotency-key.ts'
import { headOf } from '../../http/request-head.ts'
import type { BulkResult } from '../../submit/bulk/submit-bulk.ts'
import type { Predictions } from '../../submit/open-submit.ts'
import { submitBodySchema } from '../../submit/submit-request.ts'
import * as docs from './prediction-docs.ts'

/** Submits many predictions with one request. */
export const bulkRoute = ({
  predictions: { submitBulk, pollSeconds, show },
  readJsonText,
}: {
  predictions: Pick<Predictions, 'submitBulk' | 'pollSeconds' | 'show'>
  readJsonText: ReadJsonText
}): HotRoute => {
  const toLine = (result: BulkResult) => {
    if (result instanceof AppError) return problemLine(result)
    const { id, urls } = show(result.record)
    return { id, urls }
  }

  return {
    description,
    handle: async (c) => {
      const head = headOf(c)
      const idempotencyKey = parseIdempotencyKey(head.header('idempotency-key'))
      const isLines = saysJsonLines(head.header('content-type') ?? '')
      const results = await submitBulk({
        model: c.req.param('model') ?? '',
        body: await readJsonText(c),
        layout: isLines ? 'lines' : 'array',
        owner: c.get('owner'),
        requestId: c.get('requestId'),
        keyId: c.get('keyId'),
        idempotencyKey,
        cancelAfter: head.header('cancel-after'),
      })
      const lines = results.map(toLine)
      const accepted = results.flatMap((result) => (result instanceof AppError ? [] : [result]))
      const last = accepted.at(-1)
      if (!last) throw refusalOfAll(results, lines)
      const headers = {
        'Retry-After': String(await pollSeconds(last.record)),
        ...(accepted.every(({ isReplay }) => isReplay) ? { 'Idempotency-Replayed': 'true' } : {}),
      }
      if (!isLines) return jsonAnswer(c, lines, 202, headers)
      const body = lines.map((line) => `${JSON.stringify(line)}\n`).join('')
      return { status: 202, headers: { ...headers, 'Content-Type': 'application/x-ndjson' }, body }
    },
  }
}

/** Where none was accepted: the problem that says most about what to do, and what is wrong with each. */
const refusalOfAll = (results: readonly BulkResult[], lines: readonly object[]) => {
  const refusals = results.flatMap((result) => (result instanceof AppError ? [result] : []))
  const worst = refusals.toSorted((a, b) => httpStatusOf[b.code] - httpStatusOf[a.code])[0]
  if (!worst) throw new Error('unreachable: a bulk has a prediction')
  const { code, message, places, retryAfterSeconds, cause } = worst
  const options = {
    ...(retryAfterSeconds === undefined ? {} : { retryAfterSeconds }),
    extra: { results: lines },
    cause,
  }
  const isOfWhole =
    places.every(({ pointer }) => pointer === '') && refusals.every((one) => one.message === message)
  if (isOfWhole) return new AppError(code, message, { ...options, places })
  const index = results.indexOf(worst)
  const detail = `none of ${refusals.length} predictions was accepted; number ${index + 1}: ${message}`
  const inBody = places.map((place) => ({ ...place, pointer: `/${index}${place.pointer}` }))
  return new AppError(code, detail, { ...options, places: inBody })
}

const acceptedLine = z.object({ id: z.string(), urls: docs.predictionResource.shape.urls })

const description = createRoute({
  method: 'post',
  path: '/v1/models/{model}/predictions/bulk',
  operationId: 'submitPredictions',
  tags: ['Predictions'],
  summary: 'Submit up to 1,000 predictions with one request, each by itself',
  parameters: [docs.modelParameter, docs.idempotencyHeader, docs.cancelAfterHeader],
  request: docs.bulkBody(submitBodySchema),
  responses: {
    202: docs.bulkAnswer(
      z.union([acceptedLine, docs.problemLine]),
      'What became of each, in order: an id and links, or the problem, with status and code. At least one was accepted. Lines where the request had lines.',
    ),
    400: docs.problem('The body is no JSON, or a header is malformed.'),
    404: docs.problem('There is no such model.'),
    410: docs.problem('The predictions of this Idempotency-Key are gone.'),
    413: docs.problem('The body is too large.'),
    415: docs.problem('The body is not said to be JSON, or lines of it (application/x-ndjson).'),
    422: docs.problem('None can be used; `results` says why for each.'),
    429: docs.problem(
      'Too much is waiting, or memory is short; none was accepted. Come back after Retry-After seconds.',
    ),
    503: docs.problem(
      'The model or the queue is not available, or it is unknown whether they were accepted.',
    ),
  },
})

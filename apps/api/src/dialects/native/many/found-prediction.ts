import { setImmediate } from 'node:timers/promises'
import { z } from '@hono/zod-openapi'
import { AppError } from '@onqueue/shared'
import type { PredictionRecord } from '@onqueue/shared'
import { problemLine } from '../../../http/errors/problem.ts'
import { inChunks } from '../../../predictions/many/in-chunks.ts'
import type { Included } from '../../../predictions/many/keep-included.ts'
import type { FoundPrediction } from '../../../predictions/read-prediction.ts'
import type { Predictions } from '../../../submit/open-submit.ts'
import { predictionResource } from '../prediction-docs.ts'

/** What stands among the results in place of a prediction that is not there, or is somebody else's. */
export const notFoundResource = z
  .object({
    type: z.string(),
    title: z.string(),
    status: z.int(),
    detail: z.string(),
    code: z.string(),
    id: z.string().describe('As it was asked for.'),
  })
  .openapi('PredictionNotFound')

/** How predictions appear in lists: without what may be long of them, unless it is asked for. */
export const listedResource = predictionResource.omit({ input: true, output: true }).extend({
  input: z.unknown().optional(),
  output: z.unknown().optional(),
})

/** The results, predictions as `show` has them; a few in a turn of the event loop, for a thousand take 50 ms. */
export const showFound = async <Shown>(
  found: readonly FoundPrediction[],
  show: (record: PredictionRecord) => Shown | Promise<Shown>,
) => {
  const results = []
  for (const chunk of inChunks(found)) {
    for (const one of chunk)
      results.push(
        one instanceof AppError ? { ...problemLine(one), id: String(one.extra['id']) } : await show(one),
      )
    await setImmediate()
  }
  return results
}

/** Shows a prediction as lists do. */
export const listedWith =
  (show: Predictions['show'], include: Included) =>
  (record: PredictionRecord): z.infer<typeof listedResource> => {
    const { input, output, ...prediction } = show(record)
    return {
      ...prediction,
      ...(include.has('input') ? { input } : {}),
      ...(include.has('output') ? { output } : {}),
    }
  }

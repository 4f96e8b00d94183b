import { AppError } from '@onqueue/shared'
import type { ServedVersion } from '@onqueue/shared'
import type { ModelCatalog } from '../models/model-catalog.ts'

/** The version that scores a batch. Throws what `resolve` of the catalog does, and `batches_off` where its `model.yaml` says so. */
export const resolveForBatches = (
  catalog: Pick<ModelCatalog, 'resolve'>,
  model: string,
  version: string | undefined,
): ServedVersion => {
  const served = catalog.resolve(model, { version, needsWorker: false })
  if (served.card.interface?.takesBatches !== false) return served
  throw new AppError(
    'batches_off',
    `model "${model}" takes no batches: its model.yaml has batch: { executor: off }, as a second copy of it would not fit; ` +
      `send the rows as predictions, up to 1,000 a request, to /v1/models/${model}/predictions/bulk`,
  )
}

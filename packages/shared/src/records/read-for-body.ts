import type { PredictionRecord } from '../contract/prediction.ts'
import { readShort } from '../contract/stored-json.ts'
import { longestBodyBytes } from '../webhooks/webhook-body.ts'

/** A prediction with what is stored of it read, where a webhook body might take it: see `webhookBody`. */
export const readForBody = async (record: PredictionRecord): Promise<PredictionRecord> => ({
  ...record,
  input: await readShort(record.input, longestBodyBytes),
  outcome: record.outcome && {
    ...record.outcome,
    output: await readShort(record.outcome.output, longestBodyBytes),
  },
})

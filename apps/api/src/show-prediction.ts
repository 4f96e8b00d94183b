import { toPrediction } from '@onqueue/shared'
import type { Prediction, PredictionRecord, QueuePlace } from '@onqueue/shared'
import type { EventsTokens } from './events-token.ts'
import { predictionUrls } from './prediction-urls.ts'

/** A prediction as this process shows it: with its own urls and retention. */
export type ShowPrediction = (record: PredictionRecord, place?: QueuePlace) => Prediction

export const createShowPrediction =
  ({
    publicUrl,
    retentionMs,
    tokens,
  }: {
    publicUrl: string
    retentionMs: number
    tokens: EventsTokens
  }): ShowPrediction =>
  (record, place) =>
    toPrediction(record, {
      urls: predictionUrls(record.id, { publicUrl, tokens }),
      retentionMs,
      ...(place ? { place } : {}),
    })

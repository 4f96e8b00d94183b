import { predictionUrls, toPrediction } from '@onqueue/shared'
import type { EventsTokens, Prediction, PredictionRecord, QueuePlace } from '@onqueue/shared'

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

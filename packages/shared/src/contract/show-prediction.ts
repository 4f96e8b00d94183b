import { predictionUrls } from './prediction-urls.ts'
import { toPrediction } from './prediction.ts'
import type { Prediction, PredictionRecord, QueuePlace } from './prediction.ts'

/** A prediction as callers and receivers see it: with its links and until when it is kept. */
export type ShowPrediction = (record: PredictionRecord, place?: QueuePlace) => Prediction

/** `publicUrl` without a slash at its end; `tokens` sign the link to the events; `retentionMs` in ms. */
export const createShowPrediction =
  ({
    publicUrl,
    retentionMs,
    tokens,
  }: {
    publicUrl: string
    retentionMs: number
    tokens: Parameters<typeof predictionUrls>[1]['tokens']
  }): ShowPrediction =>
  (record, place) =>
    toPrediction(record, {
      urls: predictionUrls(
        { id: record.id, createdAt: record.job.createdAt, keyId: record.job.keyId },
        { publicUrl, tokens },
      ),
      retentionMs,
      ...(place ? { place } : {}),
    })

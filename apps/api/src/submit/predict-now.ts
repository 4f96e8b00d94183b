import { AppError, predictionPath } from '@onqueue/shared'
import type { Outcome } from '@onqueue/shared'
import type { JsonBody } from '../http/bodies/json-body.ts'
import type { CancelPrediction } from '../predictions/cancel-prediction.ts'
import type { SubmitPrediction } from './submit-prediction.ts'
import type { PredictionWatcher } from '../predictions/watch-prediction.ts'

/**
 * Submits a prediction and waits for its outcome, good or bad. `body` is the bare input: pointers into it start at the
 * root. When `signal` aborts (the caller went away) the prediction is canceled; when `waitMs` is over it goes on, and
 * this throws `wait_over` with its `Location`. Throws what a submit throws. `outputOf` makes the answer of it.
 */
export type PredictNow = (request: {
  model: string
  version: string | undefined
  body: JsonBody
  owner: string
  requestId: string
  keyId?: string | null | undefined
  signal: AbortSignal
  waitMs: number
}) => Promise<EndedPrediction>

export type EndedPrediction = Outcome & { id: string }

export const createPredictNow =
  ({
    submit,
    watcher,
    cancel,
  }: {
    submit: SubmitPrediction
    watcher: PredictionWatcher
    cancel: CancelPrediction
  }): PredictNow =>
  async ({ model, version, body, owner, requestId, keyId, signal, waitMs }) => {
    const endsAt = performance.now() + waitMs
    const { record, expected } = await submit({
      model,
      body,
      form: 'input',
      version,
      owner,
      requestId,
      keyId,
      needsWorker: true,
      isAwaited: true,
    })
    try {
      const latest = await watcher.untilFinal(record, {
        waitMs: endsAt - performance.now(),
        signal,
        expected,
      })
      const ended = signal.aborted ? await cancel(latest, 'its caller went away') : latest
      if (ended.outcome) return { id: record.id, ...ended.outcome }
      throw waitOver(record.id)
    } finally {
      expected?.release()
    }
  }

/** The output of a prediction that succeeded; of any other an AppError with its code (409, 422, 500, 504). */
export const outputOf = ({ id, status, output, error }: EndedPrediction): unknown => {
  if (status === 'succeeded' || error === null) return output
  const { code, detail, rows } = error
  throw new AppError(code, detail, {
    headers: { Location: predictionPath(id) },
    extra: { id, ...(rows ? { output, rows } : {}) },
  })
}

const waitOver = (id: string) =>
  new AppError(
    'wait_over',
    'it takes longer than this request could wait; it goes on: look at its Location',
    {
      headers: { Location: predictionPath(id) },
      extra: { id },
    },
  )

import { AppError, levelOf, toJsonParts } from '@onqueue/shared'
import type { Logger, PredictionRecord } from '@onqueue/shared'
import { chunksOf } from '../http/answers/json-stream.ts'
import { etagOf } from './prediction-etag.ts'
import type { PredictionWatcher } from './watch-prediction.ts'

/**
 * Server-sent events of one prediction: an event `prediction` with the object as it is and at each change, `id` its
 * ETag, and the end of the stream after the final one; an event `error` before its end when the prediction is gone. A comment
 * every 15 s keeps proxies from cutting the connection. A stream that ends before that was told so, and when to come back:
 * the process stops, another one goes on. What is stored of the object is read as fast as the client takes it.
 */
export type StreamEvents = (
  record: PredictionRecord,
  options: {
    /** the id of the last event that the client has: that state is not sent again */
    lastEventId: string | undefined
    signal: AbortSignal
    show: (record: PredictionRecord) => unknown
  },
) => ReadableStream<Uint8Array>

/** Said to those who follow a prediction when this process stops. An EventSource connects again by itself. */
const farewell = `retry: 1000\n: this process stops; connect again to follow on\n\n`
const commentIntervalMs = 15_000
/** A stream is looked after in turns of this length, within what a timer can take. */
const turnMs = 3_600_000

export const createEventStreams = ({ watcher, log }: { watcher: PredictionWatcher; log: Logger }) => {
  let open = 0
  const closing = new AbortController()

  const stream: StreamEvents = (start, { lastEventId, signal, show }) => {
    const canceled = new AbortController()
    const gone = AbortSignal.any([signal, canceled.signal])
    const ended = AbortSignal.any([gone, closing.signal])
    const encoder = new TextEncoder()
    let isInEvent = false
    let wake = () => {}
    gone.addEventListener('abort', () => wake())

    const send = async (controller: ReadableStreamDefaultController<Uint8Array>) => {
      let record = start
      let sent = lastEventId
      while (!gone.aborted) {
        const etag = etagOf(record)
        if (etag !== sent) {
          isInEvent = true
          for await (const chunk of chunksOf(eventParts(etag, show(record)))) {
            while (!gone.aborted && !hasRoom(controller))
              await new Promise<void>((resolve) => (wake = resolve))
            if (gone.aborted) return
            controller.enqueue(chunk)
          }
          isInEvent = false
        }
        sent = etag
        if (record.outcome) return
        if (closing.signal.aborted) {
          controller.enqueue(encoder.encode(farewell))
          return
        }
        const isKnown = (latest: PredictionRecord) => etagOf(latest) === sent
        record = await watcher.untilChange(record, { waitMs: turnMs, signal: ended, isKnown })
      }
    }

    let comments: NodeJS.Timeout | undefined
    return new ReadableStream<Uint8Array>({
      start: (controller) => {
        open++
        const comment = () => {
          if (!isInEvent && hasRoom(controller)) controller.enqueue(encoder.encode(': still here\n\n'))
        }
        comments = setInterval(comment, commentIntervalMs)
        const finish = () => {
          open--
          clearInterval(comments)
          if (!canceled.signal.aborted) controller.close()
        }
        // not returned: nothing is read from a stream that is still starting
        void send(controller)
          .catch((err: unknown) => {
            if (err instanceof AppError) controller.enqueue(encoder.encode(errorText(err)))
            else log[levelOf(err)]({ err, predictionId: start.id }, 'events ended early')
          })
          .then(finish)
      },
      pull: () => wake(),
      cancel: () => {
        // at once: what is under way may still wait for Redis, and a canceled stream takes nothing more
        clearInterval(comments)
        canceled.abort()
      },
    })
  }

  return {
    stream,
    countOpen: () => open,
    close: () => closing.abort(),
  }
}

const hasRoom = ({ desiredSize }: ReadableStreamDefaultController<Uint8Array>) => (desiredSize ?? 0) > 0

const eventParts = (id: string, data: unknown) => {
  const [first, ...others] = toJsonParts(data)
  const start = `event: prediction\nid: ${id}\ndata: ${first}`
  return others.length === 0 ? [`${start}\n\n`] : [start, ...others, '\n\n']
}

const errorText = ({ code, message }: AppError) =>
  `event: error\ndata: ${JSON.stringify({ code, detail: message })}\n\n`

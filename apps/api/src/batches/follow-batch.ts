import { AppError, batchStatusOf, levelOf } from '@onqueue/shared'
import type { BatchRecord, Logger } from '@onqueue/shared'
import type { UntilLater } from './until-later.ts'

/**
 * Server-sent events of one batch: an event `batch` with the object as it is, and each second in which more of it was done, and
 * the end of the stream after the one of its end; an event `error` before that when it is gone. A comment every 15 s keeps proxies
 * from cutting the connection. A stream that ends before was told to come back: this process stops, another one goes on.
 */
export type FollowBatch = (
  record: BatchRecord,
  options: {
    /** the id of the last event that the client has: that state is not sent again */
    lastEventId: string | undefined
    signal: AbortSignal
    show: (record: BatchRecord) => unknown
  },
) => ReadableStream<Uint8Array>

/** of rounds, about a second each */
const commentEvery = 15

const farewell = `retry: 1000\n: this process stops; connect again to follow on\n\n`
const stillHere = ': still here\n\n'

export const createFollowBatch = ({
  read,
  untilLater,
  closing,
  log,
}: {
  /** Throws where it is gone. */
  read: (id: string, owner: string) => Promise<BatchRecord>
  untilLater: UntilLater
  /** this process stops */
  closing: AbortSignal
  log: Logger
}): FollowBatch => {
  const events = async function* (
    start: BatchRecord,
    { lastEventId, signal, show }: Parameters<FollowBatch>[1],
  ): AsyncGenerator<string, void> {
    let record = start
    let sent = lastEventId
    for (let silentRounds = 0; !signal.aborted; silentRounds += 1) {
      const id = batchEventId(record)
      if (id !== sent) {
        yield `event: batch\nid: ${id}\ndata: ${JSON.stringify(show(record))}\n\n`
        silentRounds = 0
      } else if (silentRounds % commentEvery === commentEvery - 1) yield stillHere
      sent = id
      if (record.end) return
      if (closing.aborted) return yield farewell
      await untilLater(record.about.model, signal)
      if (!signal.aborted) record = await read(record.id, record.about.owner)
    }
  }

  const texts = async function* (...followed: Parameters<FollowBatch>): AsyncGenerator<Uint8Array, void> {
    const encoder = new TextEncoder()
    try {
      for await (const text of events(...followed)) yield encoder.encode(text)
    } catch (err) {
      const [{ id: batchId }] = followed
      if (err instanceof AppError) {
        const { code, message: detail } = err
        yield encoder.encode(`event: error\ndata: ${JSON.stringify({ code, detail })}\n\n`)
      } else log[levelOf(err)]({ err, batchId }, 'events ended early')
    }
  }

  return (...followed) => ReadableStream.from(texts(...followed))
}

/** What of it is told apart by its events. */
export const batchEventId = (record: BatchRecord) => {
  const { counts } = record
  return `${batchStatusOf(record)}-${counts.chunks}-${counts.doneChunks}-${counts.doneRows}`
}

import type { Readable } from 'node:stream'
import { ReusedBuffers } from '@onqueue/shared'
import type { ApiContext } from '../api-environment.ts'
import { chunkBytes } from './json-stream.ts'
import { openTransfer } from '../transfer.ts'
import type { Answer } from './answer.ts'
import { onWritten } from './on-written.ts'

/**
 * The body of an answer that is read from somewhere as fast as its reader takes it: where it fails in the middle the connection is
 * ended, so that nobody takes what was sent for the whole. Throws `too_many_open`, or `server_busy` while too much is under way for
 * one more; `open` is not called then. What it opens may be of the buffers that it gets: a chunk's is used again when it was written
 * to the connection.
 */
export const streamedBody = async (
  c: ApiContext,
  open: (buffers: ReusedBuffers) => Promise<Readable> | Readable,
  kind: 'transfers' | 'streams' = 'transfers',
): Promise<Extract<Answer['body'], ReadableStream>> => {
  const release = openTransfer(c, 2 * chunkBytes, kind)
  const buffers = new ReusedBuffers(chunkBytes)
  const source = await Promise.try(open, buffers).catch((err: unknown) => {
    release()
    throw err
  })
  source.once('close', release)
  if (c.env?.outgoing) onWritten(c.env.outgoing, (chunk) => buffers.giveBack(chunk))
  const chunks: AsyncIterator<unknown> = source[Symbol.asyncIterator]()
  return new ReadableStream<Uint8Array>(
    {
      pull: async (controller) => {
        try {
          const { done, value } = await chunks.next()
          if (value instanceof Uint8Array) controller.enqueue(value)
          else if (done) controller.close()
        } catch (err) {
          c.get('log')?.warn({ err, requestId: c.get('requestId') }, 'an answer could not be sent whole')
          c.env?.outgoing?.destroy()
          controller.close()
        }
      },
      cancel: () => void source.destroy(),
    },
    { highWaterMark: 0 },
  )
}

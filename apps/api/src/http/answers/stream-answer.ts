import type { Readable } from 'node:stream'
import type { ApiContext } from '../api-environment.ts'
import { chunkBytes } from './json-stream.ts'
import { openTransfer } from '../transfer.ts'
import type { Answer } from './answer.ts'

/**
 * The body of an answer that is read from somewhere as fast as its reader takes it: where it fails in the middle the connection is ended, so that nobody takes what was sent for the whole. Throws `too_many_open`, or `server_busy`
 * while too much is under way for one more; `open` is not called then.
 */
export const streamedBody = async (
  c: ApiContext,
  open: () => Promise<Readable> | Readable,
  kind: 'transfers' | 'streams' = 'transfers',
): Promise<Extract<Answer['body'], ReadableStream>> => {
  const release = openTransfer(c, 2 * chunkBytes, kind)
  const source = await Promise.try(open).catch((err: unknown) => {
    release()
    throw err
  })
  source.once('close', release)
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

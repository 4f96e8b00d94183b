import type { Readable } from 'node:stream'
import { AppError } from '@onqueue/shared'
import { sendAnswer } from '../../http/answers/answer.ts'
import { streamedBody } from '../../http/answers/stream-answer.ts'
import type { ApiContext } from '../../http/api-environment.ts'
import { savedHeaders } from './file-content.ts'
import type { Content } from './file-content.ts'

/** Throws where somebody waits in a way in which he could take a part for the whole. */
export const refuseBlindWait = (c: ApiContext) => {
  if (c.req.header('range') !== undefined) {
    throw new AppError(
      'invalid_request',
      'wait and Range do not go together: ask for a range of what there is, without wait, or with wait for all of it',
    )
  }
  if (c.env?.incoming?.httpVersionMajor === 1 && c.env.incoming.httpVersionMinor === 0) {
    throw new AppError(
      'invalid_request',
      'wait needs HTTP/1.1: by HTTP/1.0 a stream that is cut off looks like a whole one; have your proxy use 1.1 (docs/proxies.md)',
    )
  }
}

/**
 * Answers with bytes as they come to be, for as long as that takes: chunked, and ended only if `open` ends; where that fails the
 * connection is cut. It counts as a stream of its key. The time between two parts is silent, so TCP is told to look after the other side.
 */
export const answerGrowingContent = async (
  c: ApiContext,
  { contentType, ...content }: Pick<Content, 'contentType' | 'filename' | 'headers'>,
  open: () => Readable,
): Promise<Response> => {
  const body = await streamedBody(c, open, 'streams')
  const { outgoing } = c.env ?? {}
  const socket = outgoing?.socket
  socket?.setKeepAlive(true, keepAliveMs)
  // one who closed his half can't be asked whether he is there, since nothing may be sent that is no part of the file
  const leave = () => outgoing?.destroy()
  if (socket?.readableEnded) leave()
  socket?.once('end', leave)
  outgoing?.once('close', () => socket?.off('end', leave))
  return sendAnswer(c, {
    status: 200,
    headers: {
      ...savedHeaders(content),
      'Content-Type': contentType,
      // nginx would hold back what comes
      'X-Accel-Buffering': 'no',
    },
    body,
  })
}

const keepAliveMs = 30_000

import { randomUUID } from 'node:crypto'
import { STATUS_CODES } from 'node:http'
import type { ServerResponse } from 'node:http'
import { httpStatusOf } from '@onqueue/shared'
import type { AppError } from '@onqueue/shared'
import { problemText, problemType } from '../errors/problem.ts'

/** Answers a request that must not reach the app, and ends its connection. */
export const answerRefusal = (response: ServerResponse, err: AppError) => {
  const { status, headers, body } = refusalOf(err)
  response.writeHead(status, headers).end(body)
}

/** A whole answer, as it goes over the wire where there is no response to write to. */
export const refusalText = (err: AppError) => {
  const { status, headers, body, requestId } = refusalOf(err)
  const head = Object.entries(headers).map(([name, value]) => `${name}: ${value}`)
  return {
    requestId,
    text: [`HTTP/1.1 ${status} ${STATUS_CODES[status]}`, ...head, '', body].join('\r\n'),
  }
}

const refusalOf = (err: AppError) => {
  const requestId = randomUUID()
  const body = problemText(err, requestId)
  return {
    requestId,
    status: httpStatusOf[err.code],
    headers: {
      'Content-Type': problemType,
      'Content-Length': String(Buffer.byteLength(body)),
      'X-Request-Id': requestId,
      ...(err.retryAfterSeconds === undefined ? {} : { 'Retry-After': String(err.retryAfterSeconds) }),
      ...err.headers,
      Connection: 'close',
    },
    body,
  }
}

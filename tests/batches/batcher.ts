import { expect } from 'vitest'
import type { Answer } from '../support/client.ts'

type Body = string | Uint8Array<ArrayBuffer> | ReadableStream
type Sent = { status: number; headers: Headers; text: string; body: Answer['body'] }

const types = {
  jsonl: 'application/jsonl',
  csv: 'text/csv',
  parquet: 'application/vnd.apache.parquet',
}

/** Hands over files and collects them, as an owner. What came over the wire is what the test sees. */
export const createBatcher = (url: string, { key }: { key?: string } = {}) => {
  const authorization: Record<string, string> = key ? { authorization: `Bearer ${key}` } : {}
  const call = async (
    method: string,
    path: string,
    body?: Body,
    headers: Record<string, string> = {},
  ): Promise<Sent> => {
    const response = await fetch(url + path, {
      method,
      headers: { ...authorization, ...headers },
      ...(body === undefined ? {} : { body, duplex: 'half' }),
    })
    const text = await response.text()
    return { status: response.status, headers: response.headers, text, body: parseJson(text) }
  }
  const get = (path: string, headers?: Record<string, string>) => call('GET', path, undefined, headers)

  return {
    call,
    get,
    /** Sends a file of rows along. */
    submit: (
      model: string,
      body: Body,
      {
        format = 'jsonl',
        query = '',
        headers = {},
      }: { format?: keyof typeof types; query?: string; headers?: Record<string, string> } = {},
    ) =>
      call('POST', `/v1/models/${model}/batches${query}`, body, {
        'content-type': types[format],
        ...headers,
      }),
    /** Names a file that was uploaded before. */
    submitFile: (model: string, request: object, headers: Record<string, string> = {}) =>
      call('POST', `/v1/models/${model}/batches`, JSON.stringify(request), {
        'content-type': 'application/json',
        ...headers,
      }),
    /** The batch when it has ended. */
    untilEnded: async (id: string, { timeoutMs = 30_000 } = {}) => {
      let body: Answer['body']
      await expect
        .poll(
          async () => {
            ;({ body } = await get(`/v1/batches/${id}`))
            return body?.completed_at
          },
          { timeout: timeoutMs, interval: 20 },
        )
        .toEqual(expect.any(String))
      return body
    },
    output: async (id: string) => (await get(`/v1/batches/${id}/output`)).text,
    errors: async (id: string) => parseLines((await get(`/v1/batches/${id}/errors`)).text),
  }
}

export type Batcher = ReturnType<typeof createBatcher>

// the body is whatever the server says: tests compare it with literals
export const parseLines = (text: string): Answer['body'][] =>
  text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line))

const parseJson = (text: string): Answer['body'] => {
  try {
    return JSON.parse(text)
  } catch {
    return null
  }
}

import { createHash } from 'node:crypto'
import type { Answer } from '../support/client.ts'

type Body = string | Uint8Array<ArrayBuffer> | FormData | ReadableStream

/** Uploads and reads files, as an owner. What came over the wire is what the test sees. */
export const createUploader = (url: string, { key }: { key?: string } = {}) => {
  const call = async (method: string, path: string, body?: Body, extra: Record<string, string> = {}) => {
    const response = await fetch(url + path, {
      method,
      headers: { ...(key ? { authorization: `Bearer ${key}` } : {}), ...extra },
      ...(body === undefined ? {} : { body, duplex: 'half' }),
    })
    const text = await response.text()
    return { status: response.status, headers: response.headers, text, body: parseJson(text) }
  }
  return {
    upload: (
      body: Body,
      { headers = {}, query = '' }: { headers?: Record<string, string>; query?: string } = {},
    ) => call('POST', `/v1/files${query}`, body, headers),
    get: (path: string) => call('GET', path),
    remove: (id: string) => call('DELETE', `/v1/files/${id}`),
    list: async (query = '') => (await call('GET', `/v1/files${query}`)).body,
  }
}

export type Uploader = ReturnType<typeof createUploader>

export const sha256 = (data: Uint8Array | string) => createHash('sha256').update(data).digest('hex')

// the body is whatever the server says: tests compare it with literals
const parseJson = (text: string): Answer['body'] => {
  try {
    return JSON.parse(text)
  } catch {
    return null
  }
}

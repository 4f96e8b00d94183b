import { expect, vi } from 'vitest'

/** A caller of the HTTP API, as thin as can be: what went over the wire is what the test sees. */
export const createClient = (url: string, { key }: { key?: string } = {}) => {
  const headers = { 'content-type': 'application/json', ...(key ? { authorization: `Bearer ${key}` } : {}) }

  const call = async (
    method: string,
    path: string,
    body?: unknown,
    extra: Record<string, string> = {},
  ): Promise<Answer> => {
    const response = await fetch(url + path, {
      method,
      headers: { ...headers, ...extra },
      ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    })
    const text = await response.text()
    return {
      status: response.status,
      headers: response.headers,
      text,
      body: text === '' ? null : parseJson(text),
    }
  }

  return {
    url,
    call,
    get: (path: string, extra?: Record<string, string>) => call('GET', path, undefined, extra),
    submit: (model: string, input: unknown, fields: object = {}, extra?: Record<string, string>) =>
      call('POST', `/v1/models/${model}/predictions`, { input, ...fields }, extra),
    predict: (model: string, input: unknown, extra?: Record<string, string>) =>
      call('POST', `/v1/models/${model}/predict`, input, extra),
    readMany: (ids: string[], fields: object = {}) =>
      call('POST', '/v1/predictions/read', { ids, ...fields }),
    cancelMany: (ids: string[]) => call('POST', '/v1/predictions/cancel', { ids }),
    /** The prediction when it is final; waits as long as it takes. */
    untilFinal: async (id: string): Promise<Answer> => {
      for (;;) {
        const answer = await call('GET', `/v1/predictions/${id}`, undefined, { prefer: 'wait=30' })
        if (answer.status !== 200 || answer.body.completed_at !== null) return answer
      }
    },
    /** Resolves when so many models are ready. */
    untilReady: (models: number) =>
      vi.waitFor(
        async () => {
          const { body } = await call('GET', '/v1/models')
          expect(body.results.filter((card: { status: string }) => card.status === 'ready').length).toBe(
            models,
          )
        },
        { timeout: 30_000, interval: 50 },
      ),
    /** Resolves when the model is ready, and so many workers have it. */
    untilServed: (model: string, { workers = 1 } = {}) =>
      vi.waitFor(
        async () => {
          const { body } = await call('GET', `/v1/models/${model}`)
          expect(body).toMatchObject({ status: 'ready', workers })
        },
        { timeout: 30_000, interval: 50 },
      ),
    /** Resolves when a worker has taken the prediction. */
    untilTaken: (id: string) =>
      vi.waitFor(
        async () => {
          const { body } = await call('GET', `/v1/predictions/${id}`)
          expect(body).toMatchObject({ started_at: expect.any(String) })
        },
        { timeout: 10_000, interval: 10 },
      ),
  }
}

export type Client = ReturnType<typeof createClient>

// the body is whatever the server says: tests compare it with literals
// oxlint-disable-next-line typescript/no-explicit-any
export type Answer = { status: number; headers: Headers; text: string; body: any }

const parseJson = (text: string) => {
  try {
    return JSON.parse(text)
  } catch {
    return null
  }
}

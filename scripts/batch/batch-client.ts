import { z } from 'zod'
import { batchSchema } from '../../packages/shared/src/contract/batch.ts'
import { CommandError } from '../commands/command-error.ts'

const watchedSchema = batchSchema.pick({
  id: true,
  status: true,
  counts: true,
  rows_per_second: true,
  eta: true,
  error: true,
  completed_at: true,
})
/** What of a batch is watched. */
export type WatchedBatch = z.infer<typeof watchedSchema>

/** Nothing came back, or that the server is busy: it may go well when it is tried again. */
export class Unanswered extends Error {
  override readonly name = 'Unanswered'
  /** as the server asks for; undefined where it said nothing */
  readonly retryAfterSeconds: number | undefined
  /** nobody listens there, so that nothing was sent */
  readonly isUnreachable: boolean

  constructor(
    message: string,
    {
      retryAfterSeconds,
      isUnreachable = false,
      ...options
    }: ErrorOptions & { retryAfterSeconds?: number | undefined; isUnreachable?: boolean } = {},
  ) {
    super(message, options)
    this.retryAfterSeconds = retryAfterSeconds
    this.isUnreachable = isUnreachable
  }
}

export type BatchClient = {
  url: string
  /** Sends a request. Throws `Unanswered`, and a CommandError with the sentence of a refusal; `signal` ends it. */
  send(path: string, request: RequestInit & { duplex?: 'half' }): Promise<Response>
  read(id: string, signal: AbortSignal): Promise<WatchedBatch>
}

const readTimeoutMs = 30_000

/** Talks to a server. `url` may have a path, and a slash at its end. */
export const createBatchClient = ({ url, key }: { url: string; key: string | undefined }): BatchClient => {
  const base = checkUrl(url)
  const authorization = key === undefined ? {} : { authorization: `Bearer ${checkKey(key)}` }

  const send: BatchClient['send'] = async (path, { headers, ...request }) => {
    const sent = {
      redirect: 'manual' as const,
      ...request,
      headers: { ...authorization, ...toObject(headers) },
    }
    const response = await fetch(base + path, sent).catch((err: unknown) => {
      if (request.signal?.aborted) throw err
      throw unanswered(base, err)
    })
    if (response.ok) return response
    throw await refusal(base, response)
  }

  return {
    url: base,
    send,
    read: async (id, signal) => {
      const timed = AbortSignal.any([signal, AbortSignal.timeout(readTimeoutMs)])
      const response = await send(`/v1/batches/${encodeURIComponent(id)}`, { signal: timed }).catch(
        (err: unknown) => {
          if (signal.aborted || !timed.aborted) throw err
          throw new Unanswered(`${base} does not answer`, { cause: err })
        },
      )
      return readBatch(base, response)
    },
  }
}

/** Throws a CommandError where what answers is no OnQueue, and `Unanswered` where the answer breaks off. */
export const readBatch = async (url: string, response: Response): Promise<WatchedBatch> => {
  const text = await response.text().catch((err: unknown) => {
    throw unanswered(url, err)
  })
  const parsed = watchedSchema.safeParse(parseJson(text))
  if (parsed.success) return parsed.data
  throw new CommandError(`what answers at ${url} is no OnQueue of this release: see to --url or ONQUEUE_URL.`)
}

const checkUrl = (url: string) => {
  if (!/^https?:\/\//.test(url) || !URL.canParse(url))
    throw new CommandError(`"${url}" is no address of a server: give --url like http://127.0.0.1:8080.`)
  return url.replace(/\/+$/, '')
}

const checkKey = (key: string) => {
  if (/^[\x21-\x7e]+$/.test(key)) return key
  throw new CommandError('ONQUEUE_API_KEY has characters that no key has: set it to the key alone.')
}

const toObject = (headers: RequestInit['headers']) => Object.fromEntries(new Headers(headers))

const nothingSent = ['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN']

const unanswered = (url: string, err: unknown) => {
  const cause = err instanceof Error && err.cause instanceof Error ? err.cause : err
  const code = cause instanceof Error && 'code' in cause ? String(cause.code) : undefined
  // such as a port that no client asks
  if (code === undefined)
    return new CommandError(`${url} can't be asked (${String(cause)}): see to --url or ONQUEUE_URL.`, {
      cause,
    })
  return new Unanswered(`${url} can't be reached (${code})`, {
    cause: err,
    isUnreachable: nothingSent.includes(code),
  })
}

const problemSchema = z.object({ detail: z.string() })

const refusal = async (url: string, response: Response) => {
  const { status, headers } = response
  const parsed = problemSchema.safeParse(parseJson(await response.text().catch(() => '')))
  const sentence = parsed.success ? parsed.data.detail : `${url} answered ${status} and no sentence`
  const retryAfter = Number(headers.get('retry-after') ?? Number.NaN)
  if (status === 429 || status >= 500) {
    return new Unanswered(sentence, {
      retryAfterSeconds: Number.isFinite(retryAfter) ? retryAfter : undefined,
    })
  }
  if (status === 401) return new CommandError(`${sentence}. The key is taken from ONQUEUE_API_KEY.`)
  return new CommandError(parsed.success ? `${sentence}.` : `${sentence}: see to --url or ONQUEUE_URL.`)
}

const parseJson = (text: string): unknown => {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

import { cors } from 'hono/cors'
import type { MiddlewareHandler } from 'hono'
import type { ApiEnvironment } from './api-environment.ts'

/** Lets pages of some origins read what this server answers. Whether they get an answer is up to guard and keys. */
export const createCors = (origins: readonly string[]): MiddlewareHandler<ApiEnvironment> | undefined =>
  origins.length === 0
    ? undefined
    : cors({
        origin: origins.includes('*') ? '*' : [...origins],
        allowMethods: ['GET', 'HEAD', 'POST', 'DELETE'],
        allowHeaders: [
          'Authorization',
          'Cancel-After',
          'Content-Encoding',
          'Content-Type',
          'Idempotency-Key',
          'If-None-Match',
          'If-Range',
          'Last-Event-ID',
          'Prefer',
          'Range',
          'X-Request-Id',
        ],
        exposeHeaders: [
          'Accept-Ranges',
          'Content-Disposition',
          'Content-Range',
          'ETag',
          'Idempotency-Replayed',
          'Location',
          'Preference-Applied',
          'Retry-After',
          'WWW-Authenticate',
          'X-Request-Id',
        ],
        maxAge: 600,
      })

import { OpenAPIHono } from '@hono/zod-openapi'
import { readBearerKey } from '../access/bearer-key.ts'
import type { ApiEnvironment } from './api-environment.ts'
import type { Dialect } from './dialect.ts'
import { problemResponse } from './errors/problem.ts'

/** A dialect as tests need it: that of the server itself where nothing is given. */
export const dialectWith = (own: Partial<Dialect> = {}): Dialect => ({
  name: 'test',
  routes: new OpenAPIHono<ApiEnvironment>(),
  ownsPath: () => true,
  isOpen: () => false,
  isProbe: () => false,
  toErrorResponse: problemResponse,
  readKey: readBearerKey,
  ...own,
})

import { createHash } from 'node:crypto'
import { OpenAPIHono } from '@hono/zod-openapi'
import type { ModelEntry } from '@onqueue/shared'
import type { ApiEnvironment } from '../http/api-environment.ts'
import type { Access } from '../access/open-access.ts'
import type { Models } from '../models/open-models.ts'
import { createOpenapiBuilder } from './openapi-document.ts'
import type { BuildOpenapiDocument } from './openapi-document.ts'
import { documentedModels } from './openapi-model-paths.ts'

/**
 * `GET /openapi.json`: the document of `app`, with a pair of paths for each model that is here now.
 *
 * It is made at the first request for it, when all routes are there, and again only when a model came, went or changed.
 */
export const openapiRoutes = ({
  app,
  models,
  access,
  publicUrl,
  defaultModel,
}: {
  app: OpenAPIHono<ApiEnvironment>
  models: Pick<Models, 'list'>
  access: Pick<Access, 'isKeyNeeded'>
  publicUrl: string
  defaultModel: string
}) => {
  let build: BuildOpenapiDocument | undefined
  let current: { state: string; text: string; etag: string } | undefined

  const document = () => {
    const entries = models.list()
    const hasKeys = access.isKeyNeeded()
    const state = stateOf(entries, hasKeys)
    if (current?.state === state) return current
    build ??= createOpenapiBuilder({ app, publicUrl, defaultModel })
    const text = JSON.stringify(build({ entries, hasKeys }))
    const etag = `"${createHash('sha256').update(text).digest('base64url').slice(0, 22)}"`
    current = { state, text, etag }
    return current
  }

  return new OpenAPIHono<ApiEnvironment>().get('/openapi.json', (c) => {
    const { text, etag } = document()
    c.header('ETag', etag)
    c.header('Cache-Control', 'no-cache')
    if (isKnown(c.req.header('if-none-match'), etag)) return c.body(null, 304)
    return c.body(text, 200, { 'Content-Type': 'application/json' })
  })
}

/** All that the document depends on. */
const stateOf = (entries: ModelEntry[], hasKeys: boolean) =>
  JSON.stringify([
    hasKeys,
    documentedModels(entries).map(({ model, versions, description, inputSchema, outputSchema, example }) => [
      model,
      versions,
      description,
      inputSchema,
      outputSchema,
      example,
    ]),
  ])

/** Proxies that compress make a weak tag of ours. */
const isKnown = (ifNoneMatch: string | undefined, etag: string) =>
  ifNoneMatch?.split(',').some((tag) => tag.trim().replace(/^W\//, '') === etag) ?? false

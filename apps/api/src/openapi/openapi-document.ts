import type { OpenAPIHono } from '@hono/zod-openapi'
import type { ModelEntry } from '@onqueue/shared'
import packageJson from '../../package.json' with { type: 'json' }
import type { ApiEnvironment } from '../http/api-environment.ts'
import { documentedModels, modelParts } from './openapi-model-paths.ts'
import { plainPath } from './openapi-plain-path.ts'
import { withRefusals } from './openapi-refusals.ts'

/** Makes the OpenAPI 3.1 document of the server as it is now, with its models. */
export type BuildOpenapiDocument = (options: { entries: ModelEntry[]; hasKeys: boolean }) => object

/**
 * The routes describe themselves, once; the models' paths are added at each build.
 *
 * The server is given relative to the document, so that the docs page sends to where it came from, under whatever
 * name or path prefix that is; `publicUrl` is for the examples, which are pasted elsewhere.
 */
export const createOpenapiBuilder = ({
  app,
  publicUrl,
  defaultModel,
}: {
  app: Pick<OpenAPIHono<ApiEnvironment>, 'getOpenAPI31Document'>
  publicUrl: string
  /** the model of `POST /predict` */
  defaultModel: string
}): BuildOpenapiDocument => {
  const base = app.getOpenAPI31Document({
    openapi: '3.1.0',
    info: { title: 'OnQueue', version: packageJson.version, description },
    servers: [{ url: '.' }],
  })

  return ({ entries, hasKeys }) => {
    const cards = documentedModels(entries)
    const models = modelParts(cards, { publicUrl, hasKeys })
    const plainCard = cards.find(({ model }) => model === defaultModel)
    return {
      ...base,
      ...(hasKeys ? { security: [{ apiKey: [] }] } : {}),
      // the models first: they are what people come for
      tags: [...models.tags, ...routeTags],
      paths: withRefusals(
        {
          ...models.paths,
          ...base.paths,
          ...(plainCard ? plainPath(plainCard, { publicUrl, hasKeys }) : {}),
        },
        { hasKeys },
      ),
      components: {
        ...base.components,
        schemas: { ...base.components?.schemas, ...models.schemas },
        responses: { ...base.components?.responses, Problem: problemResponse },
        ...(hasKeys ? { securitySchemes: { ...base.components?.securitySchemes, apiKey: bearerKey } } : {}),
      },
    }
  }
}

const description = [
  'Asynchronous inference: submit a prediction, and poll, wait or listen for its result.',
  'Each model of this server has its own two paths, with what it takes, what it gives, and an example that works.',
].join(' ')

const routeTags = [
  { name: 'Predictions', description: 'Of any model.' },
  { name: 'Models', description: 'What there is.' },
  { name: 'Plain service', description: 'One model at two fixed paths.' },
  { name: 'Health', description: 'For probes and scrapes.' },
]

const bearerKey = {
  type: 'http',
  scheme: 'bearer',
  description: 'An API key of this server; the operator makes one with `npm run keys -- create NAME`.',
}

const problemResponse = {
  description: 'What happened and what to do, by a stable `code`.',
  content: { 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } } },
}

import { OpenAPIHono } from '@hono/zod-openapi'
import { Validator } from '@seriousme/openapi-schema-validator'
import type { ModelEntry } from '@onqueue/shared'
import { beforeEach, expect, test } from 'vitest'
import { z } from 'zod'
import type { ApiEnvironment } from '../http/api-environment.ts'
import { modelEntry, modelsOf } from '../models/model-entry.fixture.ts'
import { healthRoutes } from '../http/health/health-routes.ts'
import { modelRoutes } from '../dialects/native/model-routes.ts'
import { openapiRoutes } from './openapi-routes.ts'

let entries: ModelEntry[] = []
let hasKeys = false
beforeEach(() => {
  entries = [
    modelEntry('iris'),
    modelEntry('gt-minilm.v2', { card: { model: 'gt-minilm.v2', example: { text: "it's" } } }),
  ]
  hasKeys = false
})

const startApp = () => {
  const app = new OpenAPIHono<ApiEnvironment>()
  // the routes of predictions bring these
  for (const name of ['Prediction', 'Problem']) app.openAPIRegistry.register(name, z.object({}))
  app.route(
    '/',
    modelRoutes({
      models: modelsOf(entries),
      publicUrl: '',
    }),
  )
  app.route(
    '/',
    healthRoutes({ isReady: async () => ({ ready: true, reasons: [] }), collectMetrics: async () => '' }),
  )
  app.route(
    '/',
    openapiRoutes({
      app,
      models: { list: () => entries },
      access: { isKeyNeeded: () => hasKeys },
      publicUrl: 'http://127.0.0.1:8080',
      defaultModel: 'iris',
    }),
  )
  return app
}

const read = async (app = startApp()) =>
  z.record(z.string(), z.unknown()).parse(await (await app.request('/openapi.json')).json())

test('the document is valid OpenAPI 3.1, with keys and without', async () => {
  for (hasKeys of [false, true]) {
    const validator = new Validator()
    const { valid, errors } = await validator.validate(await read())

    expect(errors).toBeUndefined()
    expect(valid).toBe(true)
    expect(validator.version).toBe('3.1')
  }
})

test('the validator finds what is wrong', async () => {
  const document = await read()

  expect(await new Validator().validate({ ...document, servers: 'here' })).toMatchObject({ valid: false })
})

test('every reference leads somewhere, also those within a schema of a model', async () => {
  const tree = {
    type: 'object',
    properties: { children: { type: 'array', items: { $ref: '#' } }, default: { $ref: '#/$defs/leaf' } },
  }
  entries = [
    modelEntry('iris', {
      card: {
        inputSchema: {
          $schema: 'x',
          $id: 'y',
          ...tree,
          $defs: { leaf: { enum: [{ $ref: '#/not-a-reference' }] } },
        },
      },
    }),
  ]

  const document = await read()

  const references = collectReferences(document)
  expect(references).toContain('#/components/schemas/iris.Input')
  expect(references).toContain('#/components/schemas/iris.Input/$defs/leaf')
  expect(references.filter((reference) => resolve(document, reference) === undefined)).toEqual([])
  expect(resolve(document, '#/components/schemas/iris.Input')).not.toHaveProperty('$id')
})

test('a model has its own paths, with its schemas and an example to paste', async () => {
  const document = await read()

  expect(resolve(document, '#/paths/~1v1~1models~1iris~1predict/post')).toMatchObject({
    tags: ['iris'],
    description: expect.stringContaining(`-d '{"features":[5.1,3.5,1.4,0.2]}'`),
    requestBody: {
      content: {
        'application/json': {
          schema: { anyOf: [{ $ref: '#/components/schemas/iris.Input' }, { type: 'array' }] },
          example: { features: [5.1, 3.5, 1.4, 0.2] },
        },
      },
    },
  })
  expect(resolve(document, '#/paths/~1v1~1models~1gt-minilm.v2~1predictions/post')).toMatchObject({
    requestBody: { content: { 'application/json': { example: { input: { text: "it's" } } } } },
  })
  expect(resolve(document, '#/components/schemas/iris.Input/properties/features')).toMatchObject({
    minItems: 4,
  })
})

test('the plain service is documented as the default model has it', async () => {
  const threeClasses = await read()
  entries = [
    modelEntry('iris', {
      card: {
        outputSchema: { properties: { prediction: { enum: [0, 1] }, probabilities: { type: 'object' } } },
      },
    }),
  ]
  const twoClasses = await read()
  entries = []
  const none = await read()

  const answer = '#/paths/~1predict/post/responses/200/content/application~1json/schema'
  expect(resolve(threeClasses, answer)).toEqual({ $ref: '#/components/schemas/iris.Output' })
  expect(resolve(twoClasses, answer)).toMatchObject({ required: ['prediction', 'probability_class_1'] })
  expect(resolve(none, '#/paths/~1predict')).toBeUndefined()
})

test('a model that was never loaded, or is refused, has no paths yet', async () => {
  entries = [
    modelEntry('loading', { card: { model: 'loading', interface: null }, served: { status: 'loading' } }),
    modelEntry('refused', { card: { model: 'refused' }, served: { status: 'refused' } }),
    modelEntry('away', { card: { model: 'away' }, served: { status: 'unavailable' } }),
  ]

  const paths = Object.keys(z.record(z.string(), z.unknown()).parse((await read())['paths']))

  expect(paths.filter((path) => /loading|refused|away/.test(path))).toEqual([
    '/v1/models/away/predict',
    '/v1/models/away/predictions',
  ])
})

test('a new model appears without a restart, and only then the tag changes', async () => {
  const app = startApp()
  const first = await app.request('/openapi.json')
  const etag = first.headers.get('etag') ?? ''

  const again = await app.request('/openapi.json', { headers: { 'if-none-match': `"x", W/${etag}` } })
  entries = [...entries, modelEntry('housing', { card: { model: 'housing' } })]
  const changed = await app.request('/openapi.json', { headers: { 'if-none-match': etag } })

  expect(again.status).toBe(304)
  expect(await again.text()).toBe('')
  expect(changed.status).toBe(200)
  expect(await changed.text()).toContain('/v1/models/housing/predict')
})

test('keys are asked for where the server needs them', async () => {
  expect(await read()).not.toHaveProperty('security')
  hasKeys = true

  const document = await read()

  expect(document).toMatchObject({
    security: [{ apiKey: [] }],
    components: { securitySchemes: { apiKey: { type: 'http', scheme: 'bearer' } } },
    paths: { '/livez': { get: { security: [] } } },
  })
  expect(JSON.stringify(document)).toContain('authorization: Bearer $ONQUEUE_API_KEY')
})

test('an operation tells the refusals that follow from what it is', async () => {
  hasKeys = true
  const document = await read()
  const codesOf = (path: string, method: string) =>
    Object.keys(
      z
        .object({})
        .loose()
        .parse(resolve(document, `#/paths/${path}/${method}/responses`)),
    )

  expect(codesOf('~1v1~1models', 'get')).toEqual(['200', '401'])
  expect(codesOf('~1livez', 'get')).toEqual(['200'])
  expect(codesOf('~1v1~1models~1iris~1predict', 'post')).toEqual([
    '200',
    '400',
    '401',
    '413',
    '415',
    'default',
  ])
  hasKeys = false
  expect(resolve(await read(), '#/paths/~1v1~1models/get/responses/401')).toBeUndefined()
})

test('a submit to a model names the versions that there are', async () => {
  const version =
    '#/paths/~1v1~1models~1iris~1predictions/post/requestBody/content/application~1json/schema/properties/version'

  expect(resolve(await read(), version)).toMatchObject({ type: 'string', enum: ['1'] })
})

test('a way of presenting a key that a route brings stands beside the key of this server', async () => {
  hasKeys = true
  const app = startApp()
  app.openAPIRegistry.registerComponent('securitySchemes', 'query', {
    type: 'apiKey',
    in: 'query',
    name: 'key',
  })

  expect(await read(app)).toMatchObject({
    components: { securitySchemes: { apiKey: { type: 'http' }, query: { type: 'apiKey' } } },
  })
})

const collectReferences = (value: unknown): string[] => {
  if (typeof value !== 'object' || value === null) return []
  return Object.entries(value).flatMap(([key, part]) =>
    key === '$ref' && typeof part === 'string' ? [part] : key === 'enum' ? [] : collectReferences(part),
  )
}

const resolve = (document: unknown, reference: string) =>
  reference
    .slice(2)
    .split('/')
    .map((step) => step.replaceAll('~1', '/').replaceAll('~0', '~'))
    .reduce<unknown>(
      (value, step) => z.record(z.string(), z.unknown()).safeParse(value).data?.[step],
      document,
    )

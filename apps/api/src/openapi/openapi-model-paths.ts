import { defaultVersionOf } from '@onqueue/shared'
import type { JsonSchema, ModelEntry, VersionInterface } from '@onqueue/shared'
import { curlCommand } from './curl-command.ts'
import { maxRows } from '../models/input-check.ts'
import { submitBodySchema } from '../submit/submit-request.ts'

/** A model, and what its default version offers. */
export type DocumentedModel = VersionInterface & { model: string; versions: string[] }

/** Parts of an OpenAPI document. */
export type OpenapiParts = {
  tags: { name: string; description?: string }[]
  paths: Record<string, object>
  schemas: Record<string, unknown>
}

/**
 * One documented pair of paths for each model, with the schemas and the example of its default version.
 *
 * The server has one route for all models; these paths are in the document alone, and OpenAPI matches them before the
 * templated ones. A model is left out until it was loaded once.
 */
export const modelParts = (cards: DocumentedModel[], shown: Shown): OpenapiParts => {
  return {
    tags: cards.map(({ model, description }) => ({ name: model, description })),
    paths: Object.assign({}, ...cards.map((card) => modelPaths(card, shown))),
    schemas: Object.fromEntries(
      cards.flatMap(({ model, inputSchema, outputSchema }) => [
        [`${model}.Input`, asComponent(inputSchema ?? {}, `${model}.Input`)],
        [`${model}.Output`, asComponent(outputSchema ?? {}, `${model}.Output`)],
      ]),
    ),
  }
}

/** What the examples say of the server. */
type Shown = { publicUrl: string; hasKeys: boolean }

/** The models that the document is made of, with what their default versions offer. */
export const documentedModels = (entries: ModelEntry[]): DocumentedModel[] =>
  entries.flatMap(({ versions }) => {
    const served = defaultVersionOf(versions)
    if (!served || served.status === 'refused' || !served.card.interface) return []
    const usable = versions.filter(({ status, card }) => status !== 'refused' && card.interface !== null)
    return {
      ...served.card.interface,
      model: served.card.model,
      versions: [...new Set(usable.map(({ version }) => version))],
    }
  })

const modelPaths = (card: DocumentedModel, shown: Shown) => {
  const path = `/v1/models/${card.model}`
  const input = { $ref: `#/components/schemas/${card.model}.Input` }
  const output = { $ref: `#/components/schemas/${card.model}.Output` }
  const inputs = { anyOf: [input, arrayOf(input)] }
  const example = card.example ?? undefined
  const submit = example === undefined ? undefined : { input: example }

  return {
    [`${path}/predict`]: {
      post: {
        operationId: `predict_${card.model}`,
        tags: [card.model],
        summary: `Predict with ${card.model} and wait for the answer`,
        description: `The body is one input, or an array of them.${pasteable(`${path}/predict`, example, shown)}`,
        requestBody: { required: true, content: { 'application/json': { schema: inputs, example } } },
        responses: {
          200: {
            description: 'The output, or an array of outputs in the order of the inputs.',
            content: { 'application/json': { schema: { anyOf: [output, arrayOf(output)] } } },
          },
          default: problem,
        },
      },
    },
    [`${path}/predictions`]: {
      post: {
        operationId: `submit_${card.model}`,
        tags: [card.model],
        summary: `Submit a prediction to ${card.model}`,
        description: `Answers at once; poll \`urls.get\` for the result.${pasteable(`${path}/predictions`, submit, shown)}`,
        requestBody: {
          required: true,
          content: {
            'application/json': {
              schema: {
                ...submitBodySchema,
                properties: {
                  ...submitBodySchema.properties,
                  input: inputs,
                  version: { ...submitBodySchema.properties.version, enum: card.versions },
                },
              },
              example: submit,
            },
          },
        },
        responses: {
          201: {
            description: 'It finished within the wait, well or not.',
            content: predictionOf(inputs, output),
          },
          202: { description: 'It is queued.', content: predictionOf(inputs, output) },
          default: problem,
        },
      },
    },
  }
}

/** The example as a command, below a description. */
const pasteable = (path: string, body: unknown, { publicUrl, hasKeys }: Shown) =>
  body === undefined
    ? ''
    : `\n\n\`\`\`sh\n${curlCommand({ url: `${publicUrl}${path}`, body, hasKeys })}\n\`\`\``

const problem = { $ref: '#/components/responses/Problem' }

const arrayOf = (items: unknown) => ({ type: 'array', items, minItems: 1, maxItems: maxRows })

const predictionOf = (input: unknown, output: { $ref: string }) => ({
  'application/json': {
    schema: {
      allOf: [
        { $ref: '#/components/schemas/Prediction' },
        {
          properties: {
            input,
            output: {
              anyOf: [
                output,
                { type: 'array', items: { anyOf: [output, { type: 'null' }] } },
                { type: 'null' },
              ],
            },
          },
        },
      ],
    },
  },
})

/**
 * A schema of its own as a part of the document: its references into itself start at the component, and it loses what
 * would give it another base or dialect.
 */
const asComponent = (schema: JsonSchema, name: string): unknown => {
  const { $schema: _dialect, $id: _base, ...rest } = schema
  return moveReferences(rest, `#/components/schemas/${name}`)
}

const moveReferences = (value: unknown, base: string, { areNames = false } = {}): unknown => {
  if (Array.isArray(value)) return value.map((item) => moveReferences(item, base))
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value).map(([key, part]) => {
      if (areNames) return [key, moveReferences(part, base)]
      if (key === '$ref' && typeof part === 'string' && part.startsWith('#'))
        return [key, base + part.slice(1)]
      if (dataKeywords.has(key)) return [key, part]
      return [key, moveReferences(part, base, { areNames: schemasByName.has(key) })]
    }),
  )
}

/** Their values are data, not schemas. */
const dataKeywords = new Set(['const', 'enum', 'default', 'example', 'examples'])

/** Their keys are names, not keywords. */
const schemasByName = new Set(['properties', 'patternProperties', '$defs', 'definitions', 'dependentSchemas'])

import { z } from 'zod'

/**
 * The JSON Schema of what a body may be, as a part of an OpenAPI document. (Loosely typed: zod and the OpenAPI library
 * describe JSON Schema by types that differ.)
 */
export const bodySchemaOf = (schema: z.ZodType) => {
  const { $schema: _dialect, ...described } = z.toJSONSchema(schema, { io: 'input' })
  return jsonSchema.parse(described)
}

const jsonSchema = z.record(z.string(), z.any())

import type { JsonSchema } from '@onqueue/shared'
import { isObject } from '@onqueue/shared/rows'
import type { RowWriter } from './row-writer.ts'
import { isVector } from './value-schemas.ts'

/**
 * Has a writer of text write each list of numbers as base64 of little-endian float32: digits cost more than most models that give
 * vectors. What the schema has as something else, lists of integers or of lists among it, stays as it is.
 */
export const packVectors = (writer: RowWriter, outputSchema: JsonSchema): RowWriter => {
  const pack = packerOf(outputSchema)
  if (!pack) return writer
  return {
    ...writer,
    beginPart: () => {
      const part = writer.beginPart()
      return {
        ...part,
        add: (row, id, end) => part.add(row, id, 'output' in end ? { output: pack(end.output) } : end),
      }
    },
  }
}

type Pack = (value: unknown) => unknown

/** What packs the vectors in a value of a schema; undefined where it has none. */
const packerOf = (schema: unknown): Pack | undefined => {
  if (isVector(schema)) return packVector
  if (!isObject(schema) || !isObject(schema['properties'])) return undefined
  const packers = Object.entries(schema['properties']).flatMap(([name, inner]): [string, Pack][] => {
    const pack = packerOf(inner)
    return pack ? [[name, pack]] : []
  })
  if (packers.length === 0) return undefined
  return (value) => {
    if (!isObject(value)) return value
    const packed = { ...value }
    for (const [name, pack] of packers) if (Object.hasOwn(value, name)) packed[name] = pack(value[name])
    return packed
  }
}

/** Numbers that are not finite come as text, as JSON has them. */
const packVector: Pack = (value) => {
  if (!Array.isArray(value)) return value
  const bytes = Buffer.allocUnsafe(4 * value.length)
  for (const [index, element] of value.entries()) bytes.writeFloatLE(Number(element), 4 * index)
  return bytes.toString('base64')
}

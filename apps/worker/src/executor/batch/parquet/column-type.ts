import type { SchemaElement } from 'hyparquet'

/** What values of a column are to a model, or the name of a type that no model takes. */
export type ValueType = 'number' | 'integer' | 'boolean' | 'text'

/** The type of the values, and what the file calls it. */
export type ColumnType = { values: ValueType | undefined; name: string }

/** The type of a column, or of what a list consists of. */
export const columnTypeOf = (element: SchemaElement): ColumnType => {
  const { type, converted_type: converted, logical_type: logical } = element
  const annotation = logical?.type ?? converted
  const name = annotation === 'UTF8' ? 'STRING' : (annotation ?? type ?? 'STRUCT')
  const isInteger = annotation === undefined || annotation === 'INTEGER' || /^U?INT_/.test(annotation)
  switch (type) {
    case 'BOOLEAN':
      return { values: 'boolean', name }
    case 'FLOAT':
    case 'DOUBLE':
      return { values: 'number', name }
    case 'INT32':
    case 'INT64':
      if (annotation === 'DECIMAL') return { values: 'number', name }
      return { values: isInteger ? 'integer' : undefined, name }
    case 'BYTE_ARRAY':
      if (annotation === 'DECIMAL') return { values: 'number', name }
      return { values: isText(annotation) ? 'text' : undefined, name }
    case 'FIXED_LEN_BYTE_ARRAY':
      return { values: annotation === 'DECIMAL' || annotation === 'FLOAT16' ? 'number' : undefined, name }
    case 'INT96':
    case undefined:
    default:
      return { values: undefined, name }
  }
}

/** Writers that are old don't say that bytes are text. */
const isText = (annotation: string | undefined) =>
  annotation === undefined || ['STRING', 'UTF8', 'ENUM', 'JSON'].includes(annotation)

export const isUnsigned = ({ converted_type: converted, logical_type: logical }: SchemaElement) =>
  logical?.type === 'INTEGER' ? !logical.isSigned : converted?.startsWith('UINT_') === true

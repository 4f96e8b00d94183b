import type { JsonSchema, RowFormat } from '@onqueue/shared'
import { inputColumns, isObject } from '@onqueue/shared/rows'

/** A file of one row, the example of a model, to begin with. */
export const templateOf = (
  format: Exclude<RowFormat, 'parquet'>,
  { inputSchema, example }: { inputSchema: JsonSchema; example: unknown },
): string => {
  if (format === 'jsonl') return `${JSON.stringify(example ?? {})}\n`
  const { columns } = inputColumns(inputSchema, new Set())
  const cells = columns.map(({ name }, place) => toCell(valueOf(example, name, place)))
  return `${columns.map(({ name }) => quote(name)).join(',')}\n${cells.join(',')}\n`
}

/** Features are given by name or by position, and everything else by its name. */
const valueOf = (example: unknown, name: string, place: number): unknown => {
  if (!isObject(example)) return undefined
  if (Object.hasOwn(example, name)) return example[name]
  const { features } = example
  if (Array.isArray(features)) return features[place]
  return isObject(features) ? features[name] : undefined
}

const toCell = (value: unknown) => {
  if (value === undefined || value === null) return ''
  return quote(typeof value === 'string' ? value : JSON.stringify(value))
}

const quote = (text: string) => (/[",\r\n]|^\s|\s$/.test(text) ? `"${text.replaceAll('"', '""')}"` : text)

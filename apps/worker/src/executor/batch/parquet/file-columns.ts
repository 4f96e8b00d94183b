import { InvalidFile } from '@onqueue/shared/rows'
import { parquetSchema } from 'hyparquet'
import type { ColumnMetaData, SchemaElement, SchemaTree } from 'hyparquet'
import { columnTypeOf } from './column-type.ts'
import type { ColumnType } from './column-type.ts'
import { canInflate } from './inflate-page.ts'
import { levelsOf } from './list-levels.ts'
import type { Levels } from './list-levels.ts'
import type { ParquetFile } from './open-parquet.ts'

/** A column whose values are one for each row: of lists, a list is one. */
export type FileColumn = {
  name: string
  /** of its values, or of what its lists consist of */
  type: ColumnType
  element: SchemaElement
  levels: Levels
  /** where it lies in each row group */
  chunks: ColumnMetaData[]
}

/** A name of the file, and its column where it can be one. */
type NamedColumn = { name: string; leaves: number[]; path: SchemaElement[] | undefined; kind: string }

/** The columns of a file by their names, before anything of them is looked at. */
export const namedColumns = ({ metadata }: ParquetFile): NamedColumn[] => {
  let leaf = 0
  return readTree(metadata).children.map((tree) => {
    const leaves = Array.from({ length: countLeaves(tree) }, () => leaf++)
    const { name } = tree.element
    return { name, leaves, path: pathOf(tree), kind: columnTypeOf(tree.element).name }
  })
}

/** Looks at where a column is. Throws `InvalidFile` where it can't be read. */
export const fileColumn = (file: ParquetFile, { name, leaves, path, kind }: NamedColumn): FileColumn => {
  const element = path?.at(-1)
  const [leaf] = leaves
  if (!path || !element || leaf === undefined) {
    throw new InvalidFile(`its column "${name}" is ${kind}; a column has a value or a list of values a row`)
  }
  const chunks = file.metadata.row_groups.map((group, index) => {
    const { meta_data: data, crypto_metadata: isEncrypted } = group.columns[leaf] ?? {}
    const place = `its column "${name}"`
    if (!data || isEncrypted)
      throw new InvalidFile(`${place} is encrypted; write the file without encryption`)
    if (!canInflate(data.codec)) {
      throw new InvalidFile(
        `${place} is compressed as ${data.codec}; write the file with compression="zstd" or "snappy"`,
      )
    }
    if (data.type !== element.type || !isWithin(data, file.bytes.byteLength)) {
      throw new InvalidFile(
        `${place} is not where the footer says, in row group ${index + 1}; write the file again`,
      )
    }
    return data
  })
  return { name, type: columnTypeOf(element), element, levels: levelsOf(path), chunks }
}

const readTree = (metadata: ParquetFile['metadata']) => {
  try {
    return parquetSchema(metadata)
  } catch (err) {
    throw new InvalidFile('its footer has no schema that can be read; write the file again', { cause: err })
  }
}

const countLeaves = ({ children }: SchemaTree): number =>
  children.length === 0 ? 1 : children.reduce((sum, child) => sum + countLeaves(child), 0)

/** From the column to its values, where there is nothing but lists between. */
const pathOf = (tree: SchemaTree): SchemaElement[] | undefined => {
  const { element, children } = tree
  if (children.length === 0) return [element]
  const [only, ...others] = children
  const isList = element.converted_type === 'LIST' || element.logical_type?.type === 'LIST'
  const isRepeated = element.repetition_type === 'REPEATED'
  if (!only || others.length > 0 || (!isList && !isRepeated)) return undefined
  const rest = pathOf(only)
  return rest && [element, ...rest]
}

const isWithin = (
  { data_page_offset: data, dictionary_page_offset: dictionary, total_compressed_size: size }: ColumnMetaData,
  fileBytes: number,
) => {
  const areNumbers = [data, size, dictionary ?? 0n].every((value) => typeof value === 'bigint' && value >= 0n)
  if (!areNumbers) return false
  const start = dictionary && dictionary < data ? dictionary : data
  return start >= 4n && start + size <= BigInt(fileBytes)
}

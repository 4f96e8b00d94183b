import { InvalidFile, refuseOtherKinds } from '@onqueue/shared/rows'
import { parquetMetadata } from 'hyparquet'
import type { AsyncBuffer, FileMetaData } from 'hyparquet'
import { skipStruct } from './skip-struct.ts'

/** A file whose footer was read. */
export type ParquetFile = {
  bytes: AsyncBuffer
  metadata: FileMetaData
  /** how many rows each row group has */
  groupRows: number[]
  rows: number
}

/** As much as is read at once: that of ten thousand row groups with a hundred columns. */
const maxFooterBytes = 134_217_728

/** Reads the footer of a Parquet file. Throws `InvalidFile` where it has none, or one that can't be right. */
export const openParquet = async (bytes: AsyncBuffer): Promise<ParquetFile> => {
  const { byteLength } = bytes
  const head = Buffer.from(await bytes.slice(0, Math.min(8, byteLength)))
  if (head.toString('latin1', 0, 4) === 'PARE') throw new InvalidFile(encrypted)
  if (head.toString('latin1', 0, 4) !== 'PAR1') {
    refuseOtherKinds(head)
    throw new InvalidFile('is not Parquet, which begins with PAR1')
  }
  if (byteLength < 12) throw new InvalidFile(cutOff)
  const tail = Buffer.from(await bytes.slice(byteLength - 8, byteLength))
  if (tail.toString('latin1', 4) === 'PARE') throw new InvalidFile(encrypted)
  if (tail.toString('latin1', 4) !== 'PAR1') throw new InvalidFile(cutOff)
  const footerBytes = tail.readUInt32LE(0)
  if (footerBytes > byteLength - 12) {
    throw new InvalidFile(`its last bytes speak of a footer that is longer than the file; ${writeAgain}`)
  }
  if (footerBytes > maxFooterBytes) {
    throw new InvalidFile(
      `its footer is longer than the ${maxFooterBytes} bytes that it may be; write it with larger row groups`,
    )
  }
  const footer = new Uint8Array(await bytes.slice(byteLength - 8 - footerBytes, byteLength))
  const metadata = readFooter(footer)
  const groupRows = metadata.row_groups.map(({ num_rows }) => countRows(num_rows))
  const rows = groupRows.reduce((sum, count) => sum + count, 0)
  if (BigInt(rows) !== metadata.num_rows) {
    throw new InvalidFile(`its footer speaks of other rows than its row groups have; ${writeAgain}`)
  }
  return { bytes, metadata, groupRows, rows }
}

const writeAgain = 'write the file again'

const encrypted = 'is encrypted; write it without encryption'

const cutOff = 'is cut off: it does not end with PAR1, as Parquet does; send all of it'

const readFooter = (footer: Uint8Array) => {
  try {
    skipStruct(footer, 0)
    const metadata = parquetMetadata(footer, { geoparquet: false })
    // hyparquet takes it as it comes
    if (metadata.schema.some(({ name }) => typeof name !== 'string'))
      throw new TypeError('a column has no name')
    return metadata
  } catch (err) {
    throw new InvalidFile(`its footer can't be read; ${writeAgain}`, { cause: err })
  }
}

const countRows = (rows: unknown) => {
  if (typeof rows !== 'bigint' || rows < 0n || rows >= 2n ** 31n) {
    throw new InvalidFile(`its footer speaks of row groups of impossible sizes; ${writeAgain}`)
  }
  return Number(rows)
}

import { brotliDecompressSync, gunzipSync, zstdDecompressSync } from 'node:zlib'
import { snappyUncompress } from 'hyparquet'
import type { CompressionCodec } from 'hyparquet'

type Inflate = (bytes: Uint8Array, size: number) => Uint8Array

/** By the names that files have for them. LZ4 and LZO are what Node has no decoder for. */
const inflaters: { [Codec in CompressionCodec]?: Inflate } = {
  UNCOMPRESSED: (bytes) => bytes,
  SNAPPY: (bytes, size) => {
    const page = new Uint8Array(size)
    snappyUncompress(bytes, page)
    return page
  },
  GZIP: (bytes, size) => gunzipSync(bytes, { maxOutputLength: Math.max(1, size) }),
  BROTLI: (bytes, size) => brotliDecompressSync(bytes, { maxOutputLength: Math.max(1, size) }),
  ZSTD: (bytes, size) => zstdDecompressSync(bytes, { maxOutputLength: Math.max(1, size) }),
}

export const canInflate = (codec: CompressionCodec) => inflaters[codec] !== undefined

/** Decompresses a page. Throws where it is not of the size that its header says, and takes no more memory than that. */
export const inflatePage = (bytes: Uint8Array, codec: CompressionCodec, size: number): Uint8Array => {
  const page = size === 0 && bytes.length === 0 ? bytes : inflaters[codec]?.(bytes, size)
  if (page?.length !== size) throw new RangeError('a page is not of the size that its header says')
  return page
}

import { randomBytes } from 'node:crypto'
import { buffer } from 'node:stream/consumers'
import { constants, createZstdCompress, gzipSync, zstdCompressSync } from 'node:zlib'
import { array, assert, asyncProperty, constantFrom, integer, uint8Array } from 'fast-check'
import { expect, test } from 'vitest'
import { decodeContent, readContentEncoding } from './decode-content.ts'
import type { ContentEncoding } from './decode-content.ts'

const compress = { gzip: gzipSync, zstd: zstdCompressSync }
const both = ['gzip', 'zstd'] as const

/** Bytes in pieces, as they may come over a connection. */
const inPieces = async function* (bytes: Uint8Array, pieceBytes: number) {
  for (let start = 0; start < bytes.byteLength; start += pieceBytes)
    yield bytes.subarray(start, start + pieceBytes)
}
const decode = async (bytes: Uint8Array, encoding: ContentEncoding, pieceBytes = 64 * 1024) =>
  Buffer.concat(await Array.fromAsync(decodeContent(inPieces(bytes, pieceBytes), encoding)))

test('any frames one behind the other, in any pieces, are what they were', async () => {
  await assert(
    asyncProperty(
      constantFrom(...both),
      array(uint8Array({ maxLength: 300 }), { minLength: 1, maxLength: 5 }),
      integer({ min: 1, max: 200 }),
      async (encoding, parts, pieceBytes) => {
        const frames = Buffer.concat(parts.map((part) => compress[encoding](part)))

        expect(await decode(frames, encoding, pieceBytes)).toEqual(Buffer.concat(parts))
      },
    ),
    { numRuns: 200 },
  )
})

test.each(both)('a long body of %s comes out whole', async (encoding) => {
  const part = randomBytes(3_000_000)

  const decoded = await decode(Buffer.concat([compress[encoding](part), compress[encoding](part)]), encoding)

  expect(decoded.equals(Buffer.concat([part, part]))).toBe(true)
})

test('a frame that zstd has for other things than data is passed over', async () => {
  const skipped = Buffer.from([0x50, 0x2a, 0x4d, 0x18, 4, 0, 0, 0, 1, 2, 3, 4])

  const decoded = await decode(
    Buffer.concat([skipped, zstdCompressSync('rows'), skipped, zstdCompressSync(' too')]),
    'zstd',
  )

  expect(decoded.toString()).toBe('rows too')
})

test.each(
  both.flatMap((encoding) => {
    const frame = compress[encoding](Buffer.from('some rows'))
    return [
      [encoding, 'garbage behind it', Buffer.concat([frame, Buffer.from('garbage')]), 'is no frame'],
      [encoding, 'zeros behind it', Buffer.concat([frame, Buffer.alloc(512)]), 'is no frame'],
      [encoding, 'zeros between two', Buffer.concat([frame, Buffer.alloc(3), frame]), 'is no frame'],
      [encoding, 'no end', frame.subarray(0, -3), 'ends in the middle'],
      [
        encoding,
        'a second one without an end',
        Buffer.concat([frame, frame.subarray(0, -3)]),
        'ends in the middle',
      ],
      [encoding, 'text', Buffer.from('a,b\n1,2\n'), 'is no frame'],
      [encoding, 'nothing', Buffer.alloc(0), 'is no frame'],
    ] as const
  }),
)('%s with %s is refused', async (encoding, _what, bytes, why) => {
  for (const pieceBytes of [1, 7, 64 * 1024]) {
    await expect(decode(bytes, encoding, pieceBytes)).rejects.toMatchObject({
      code: 'invalid_request',
      message: expect.stringContaining(why),
    })
  }
})

test('zstd that would take memory for a long window is refused', async () => {
  const compressor = createZstdCompress({ params: { [constants.ZSTD_c_windowLog]: 27 } })
  compressor.end(randomBytes(100_000))
  const bytes = await buffer(compressor)

  await expect(decode(bytes, 'zstd')).rejects.toMatchObject({
    code: 'invalid_request',
    message: expect.stringContaining('window is larger than 8 MB'),
  })
})

test.each(both)('no more of a bomb of %s comes out than is taken', async (encoding) => {
  const bomb = compress[encoding](Buffer.alloc(200_000_000))
  const before = process.memoryUsage().rss

  let bytes = 0
  for await (const chunk of decodeContent(inPieces(bomb, 64 * 1024), encoding)) {
    bytes += chunk.byteLength
    if (bytes > 10_000_000) break
  }

  expect(bytes).toBeLessThan(11_000_000)
  expect(process.memoryUsage().rss - before).toBeLessThan(100_000_000)
})

test('very many tiny frames are refused, which cost a decoder each, and as many of some size are not', async () => {
  const tiny = Buffer.concat(Array.from({ length: 3000 }, () => zstdCompressSync('')))
  const large = Buffer.concat(Array.from({ length: 1500 }, () => zstdCompressSync(randomBytes(16_384))))

  await expect(decode(tiny, 'zstd')).rejects.toMatchObject({
    code: 'invalid_request',
    message: expect.stringContaining('it has very many tiny frames; send it in one'),
  })
  expect((await decode(large, 'zstd')).byteLength).toBe(1500 * 16_384)
})

test('an error of the source is thrown as it is', async () => {
  const failing = async function* () {
    yield gzipSync('rows').subarray(0, 12)
    throw new Error('the caller left')
  }

  await expect(Array.fromAsync(decodeContent(failing(), 'gzip'))).rejects.toThrow('the caller left')
})

test.each([
  [undefined, undefined],
  ['', undefined],
  ['identity', undefined],
  ['gzip', 'gzip'],
  ['X-GZIP', 'gzip'],
  [' zstd ', 'zstd'],
])('Content-Encoding: %s is %s', (header, encoding) => {
  expect(readContentEncoding(header)).toBe(encoding)
})

test.each(['br', 'deflate', 'gzip, zstd', 'gzip,gzip'])('Content-Encoding: %s is not known', (header) => {
  expect(() => readContentEncoding(header)).toThrow(
    expect.objectContaining({ code: 'unsupported_media_type' }),
  )
})

import { mkdtemp, rm, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { checkWhole } from './check-whole.ts'
import { buildOnnx } from './fixtures/build-onnx.ts'

let folder = ''
let path = ''

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'onqueue-whole-'))
  path = join(folder, 'model.onnx')
})
afterEach(() => rm(folder, { recursive: true }))

const model = buildOnnx({
  nodes: [{ op: 'Identity', inputs: ['x'], outputs: ['y'] }],
  inputs: [{ name: 'x', type: 'float32', shape: ['N'] }],
  outputs: [{ name: 'y', type: 'float32', shape: ['N'] }],
})

/** The beginning of a model whose graph has so many bytes, and then nothing until its end. */
const writeSparse = async (graphBytes: number, size: number) => {
  const head = new BinaryWriter().tag(1, WireType.Varint).int64(8).tag(7, WireType.LengthDelimited)
  await writeFile(path, head.uint32(graphBytes).finish())
  await truncate(path, size)
}

test('a whole model is let through', async () => {
  await writeFile(path, model)

  await expect(checkWhole(path)).resolves.toBe(undefined)
})

test.each([1, 10, model.length - 8])('a model is cut off that lacks its last %i bytes', async (lacking) => {
  await writeFile(path, model.subarray(0, model.length - lacking))

  await expect(checkWhole(path)).rejects.toThrow(
    /^the file is cut off: it has \d+ bytes of \d+ or more; copy it again$/,
  )
})

test('a file of 2.2 GB that is cut off is refused without its bytes being read', async () => {
  await writeSparse(2_400_000_000, 2_200_000_000)
  const before = process.memoryUsage().arrayBuffers

  await expect(checkWhole(path)).rejects.toThrow(
    'the file is cut off: it has 2200000000 bytes of 2400000008 or more; copy it again',
  )
  expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(1e6)
})

test('a whole file of more than 2 GB is refused with what to do', async () => {
  await writeSparse(2_200_000_000 - 8, 2_200_000_000)

  await expect(checkWhole(path)).rejects.toThrow(
    "the file has 2.2 GB, and an ONNX file can't have more than 2: export it with its weights in a file of their own",
  )
})

test.each([
  '',
  '{"tree": 1}',
  '\x80\x04\x95',
  'PK\x03\x04',
  'version https://git-lfs',
  '\x00\x00\x00',
  'not a model',
])('what is no ONNX file is left to others: %j', async (text) => {
  await writeFile(path, text, 'latin1')

  await expect(checkWhole(path)).resolves.toBe(undefined)
})

import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync, deflateSync } from 'node:zlib'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { explainFile, recognizeFile } from './explain-file.ts'
import { buildOnnx } from './fixtures/build-onnx.ts'

let dir = ''
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'onqueue-explain-'))
})
afterAll(() => rm(dir, { recursive: true }))

test.each([
  ['', 'the file is empty'],
  ['version https://git-lfs.github.com/spec/v1\noid sha256:1', 'run git lfs pull'],
  ['<!DOCTYPE html><html>', 'a web page'],
  ['\n<html lang="en">', 'a web page'],
  ['\x80\x04\x95\x10', 'a Python pickle'],
  ['PK\x03\x04....', 'a zip archive'],
  ['\x89HDF\r\n', 'HDF5'],
  ['\x1c\0\0\0TFL3', 'TensorFlow Lite'],
  ['GGUF\x03', 'GGUF'],
  ['\x40\0\0\0\0\0\0\0{"__metadata__"', 'safetensors'],
  ['{"learner":', 'JSON'],
  ['tree\nversion=v4', "LightGBM's own text"],
])('a file that begins with %j is told apart', (begins, sentence) => {
  expect(recognizeFile(Buffer.from(begins, 'latin1'))).toContain(sentence)
})

test('what is compressed is told apart', () => {
  expect(recognizeFile(gzipSync('a'))).toContain('gzip')
  expect(recognizeFile(deflateSync('a'))).toContain('.joblib')
})

test('of a model nothing is said, nor of what nobody knows', () => {
  const model = buildOnnx({ nodes: [], inputs: [], outputs: [] })

  expect(recognizeFile(model)).toBe(undefined)
  expect(recognizeFile(Buffer.from('something else'))).toBe(undefined)
})

test('an error of an operator says of a model that is too old that it is, and of another nothing', async () => {
  const path = join(dir, 'model.onnx')
  const message = "Could not find an implementation for Add(6) node with name ''"

  await writeFile(path, buildOnnx({ nodes: [], inputs: [], outputs: [], opset: 6 }))
  expect(await explainFile(path, message)).toBe(
    'it was exported with opset 6, and this ONNX Runtime starts at 7: export it again with a newer one',
  )
  await writeFile(path, buildOnnx({ nodes: [], inputs: [], outputs: [], opset: 7 }))
  expect(await explainFile(path, message)).toBe(undefined)
})

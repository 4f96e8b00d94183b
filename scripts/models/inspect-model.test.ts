import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { buildOnnx } from '../../apps/worker/src/onnx-file/fixtures/build-onnx.ts'
import { inspectModel } from './inspect-model.ts'
import { showInspection } from './show-inspection.ts'

const root = join(import.meta.dirname, '../..')
let dir = ''
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'onqueue-inspect-'))
})
afterAll(() => rm(dir, { recursive: true }))

const put = async (name: string, bytes: string | Uint8Array) => {
  const file = join(dir, name)
  await writeFile(file, bytes)
  return file
}

const shown = async (file: string) => showInspection(await inspectModel(file)).join('\n')

test('what a file says is shown with the model.yaml that it would need', async () => {
  const file = join(root, 'tests/models/dict-and-seq/model.onnx')

  expect((await shown(file)).replace(file, 'FILE')).toBe(`\
file        FILE
size        1.0 KB
sha256      7e7e12b21a71619fc29839e5eaa5d4a1d62a9334d2d42835004016cf2e477c96
producer    skl2onnx 1.20.0
opsets      ai.onnx 21, ai.onnx.ml 1
operators   Identity, TreeEnsembleClassifier, ZipMap
IR version  10

input   x                   float32                         [?, 2]
output  output_label        string                          [?]
output  output_probability  sequence(map(string, float32))

Classes (output_label, output_probability): cold, hot, warm

Proposed task: tabular-classification, since x [?, 2] (float32) has rows, output_label (string) is a class for each row, and output_probability has scores.
Its model.yaml:

  task: tabular-classification
  labels: [cold, hot, warm]`)
})

test('inputs that may be missing a value are told', async () => {
  expect(await shown(join(root, 'tests/models-as-exported/columns-with-imputer/model.onnx'))).toContain(
    'null is a missing value in: age, fare',
  )
})

test('weights in files of their own are told, and whether they are there', async () => {
  const withWeights = (name: string, weights: string) =>
    put(
      name,
      buildOnnx({
        inputs: [{ name: 'x', type: 'float32', shape: ['N', 2] }],
        externalConstant: { name: 'w', dims: [2], file: weights },
        nodes: [{ op: 'Mul', inputs: ['x', 'w'], outputs: ['y'] }],
        outputs: [{ name: 'y', type: 'float32', shape: ['N', 2] }],
      }),
    )
  await put('there.data', new Uint8Array(8))

  expect(await shown(await withWeights('a.onnx', 'there.data'))).toMatch(/^weights +there\.data \(8 B\)$/m)
  expect(await shown(await withWeights('b.onnx', 'lost.data'))).toMatch(
    /^weights +lost\.data: MISSING: put it beside the model$/m,
  )
  expect(await shown(await withWeights('e.onnx', '.'))).toMatch(/^weights +\.: MISSING/m)
  expect(await shown(await withWeights('c.onnx', '../lost.data'))).toMatch(/^weights +.*in another folder/m)
  expect(await shown(await withWeights('d.onnx', '/etc/passwd'))).toMatch(/^weights +.*in another folder/m)
})

test('a model that can not be carried is told to be none to serve', async () => {
  const file = await put(
    'bf.onnx',
    buildOnnx({
      inputs: [{ name: 'x', type: 'bfloat16', shape: ['N', 2] }],
      nodes: [{ op: 'Identity', inputs: ['x'], outputs: ['y'] }],
      outputs: [{ name: 'y', type: 'bfloat16', shape: ['N', 2] }],
    }),
  )

  expect(await shown(file)).toMatch(/^It can't be served: input x holds bfloat16, which can't be carried/m)
})

test('names in a file can not write to the terminal', async () => {
  const name = '\u001b[2J\u001b]0;owned\u0007\nProposed task: none'
  const file = await put(
    'evil.onnx',
    buildOnnx({
      inputs: [{ name, type: 'float32', shape: ['N', '\u009b1m'] }],
      nodes: [{ op: 'Identity', inputs: [name], outputs: ['y\u202e'] }],
      outputs: [{ name: 'y\u202e', type: 'float32', shape: ['N', 2] }],
    }),
  )

  const lines = showInspection(await inspectModel(file))

  expect(lines.join('')).not.toMatch(/\p{Cc}|\p{Cf}/u)
  expect(lines.join('')).toContain('\\u001b[2J')
})

test.each([
  ['lfs.onnx', 'version https://git-lfs.github.com/spec/v1\noid sha256:1\n', 'run git lfs pull'],
  ['page.onnx', '<!DOCTYPE html><html></html>', 'a web page'],
  ['pickle.onnx', Buffer.from('\x80\x04\x95\x10', 'latin1'), 'a Python pickle'],
  ['zip.onnx', 'PK\u0003\u0004....', 'a zip archive'],
  ['empty.onnx', '', 'the file is empty'],
  ['text.onnx', 'what is this', 'is not an ONNX model, or is cut off'],
])('%s is none of ONNX, and is told what it is', async (name, bytes, sentence) => {
  await expect(inspectModel(await put(name, bytes))).rejects.toMatchObject({
    name: 'CommandError',
    exitCode: 1,
    message: expect.stringContaining(sentence),
  })
})

test('a file that is not there, and a folder, are a command that was typed wrong', async () => {
  await expect(inspectModel(join(dir, 'lost.onnx'))).rejects.toMatchObject({ exitCode: 2 })
  await expect(inspectModel(dir)).rejects.toMatchObject({
    exitCode: 2,
    message: `${dir} is a folder: give the path of the .onnx file in it.`,
  })
})

test('what is no file, or can not be read, is told with what to give instead', async () => {
  const file = await put('some.onnx', 'x')

  await expect(inspectModel('/dev/null')).rejects.toThrow(
    '/dev/null is no file: give the path of an .onnx file.',
  )
  await expect(inspectModel(join(file, 'model.onnx'))).rejects.toThrow(
    `${file}/model.onnx can't be read (ENOTDIR): make it a file that you may read.`,
  )
})

test('a file that is cut off is told to be copied again', async () => {
  // a graph of 2.4 GB of which there is nothing
  const cutOff = await put('cut-off.onnx', Buffer.from('08083a80b0b4f808', 'hex'))

  await expect(inspectModel(cutOff)).rejects.toMatchObject({
    exitCode: 1,
    message: expect.stringMatching(
      /^.*: the file is cut off: it has 8 bytes of 2400000008 or more; copy it again\.$/,
    ),
  })
})

import { copyFile, cp, mkdir, mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { buildOnnx } from '../../apps/worker/src/onnx-file/fixtures/build-onnx.ts'
import { readModelRepository } from '../../apps/worker/src/repository/read-model-repository.ts'
import { addModel } from './add-model.ts'
import { stageModel } from './stage-model.ts'

const root = join(import.meta.dirname, '../..')
const iris = join(root, 'models/iris/model.onnx')
const echo = join(root, 'tests/models/echo/model.onnx')
let dir = ''
let modelsDir = ''
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'onqueue-add-'))
  modelsDir = join(dir, 'models')
})
afterEach(() => rm(dir, { recursive: true }))

const add = (file: string, name: string, options: Partial<Parameters<typeof addModel>[0]> = {}) =>
  addModel({
    file,
    modelsDir,
    name,
    version: undefined,
    task: undefined,
    signal: new AbortController().signal,
    ...options,
  })

/** The folder of an export: a model alone, without what lies beside it in this repository. */
const exported = async (name: string, bytes: string | Uint8Array) => {
  const file = join(dir, name)
  if (typeof bytes === 'string') await copyFile(bytes, file)
  else await writeFile(file, bytes)
  return file
}

const listAll = async () =>
  (await readdir(modelsDir, { recursive: true }).catch(() => [])).toSorted((a, b) => (a < b ? -1 : 1))

test('a model is added with a model.yaml that says what it is, and a worker would serve it', async () => {
  const { isAdded, checked } = await add(await exported('flowers.onnx', iris), 'flowers')

  const { definitions, refused } = await readModelRepository(modelsDir)
  expect(isAdded).toBe(true)
  expect(checked.status).toBe('ready')
  expect(await listAll()).toEqual(['flowers', 'flowers/model.onnx', 'flowers/model.yaml'])
  expect(await readFile(join(modelsDir, 'flowers/model.onnx'))).toEqual(await readFile(iris))
  expect(refused).toEqual([])
  expect(definitions[0]?.settings).toMatchObject({
    task: 'tabular-classification',
    labels: ['setosa', 'versicolor', 'virginica'],
  })
})

test('its model.yaml has the schema that editors read, and the example that the model took', async () => {
  await add(await exported('echo.onnx', echo), 'echo')

  const [schemaLine = '', ...lines] = (await readFile(join(modelsDir, 'echo/model.yaml'), 'utf8')).split('\n')
  const schema = schemaLine.replace('# yaml-language-server: $schema=', '')
  expect(JSON.parse(await readFile(join(modelsDir, 'echo', schema), 'utf8'))).toHaveProperty('$schema')
  expect(lines.join('\n')).toMatch(/^# example: \{ x: \[-?[\d.]+/m)
})

test('weights and golden cases come with it', async () => {
  await mkdir(join(dir, 'export/weights'), { recursive: true })
  await writeFile(join(dir, 'export/weights/w.data'), new Uint8Array(Float32Array.of(2, 3).buffer))
  await writeFile(
    join(dir, 'export/golden.json'),
    JSON.stringify([{ input: { x: [1, 1] }, output: { y: [2, 3] } }]),
  )
  const model = buildOnnx({
    inputs: [{ name: 'x', type: 'float32', shape: ['N', 2] }],
    externalConstant: { name: 'w', dims: [2], file: 'weights/w.data' },
    nodes: [{ op: 'Mul', inputs: ['x', 'w'], outputs: ['y'] }],
    outputs: [{ name: 'y', type: 'float32', shape: ['N', 2] }],
  })

  const { checked } = await add(await exported('export/net.onnx', model), 'net')

  expect(checked.golden).toEqual({ cases: 1, passed: 1, failures: [] })
  expect(await listAll()).toEqual([
    'net',
    'net/golden.json',
    'net/model.onnx',
    'net/model.yaml',
    'net/weights',
    'net/weights/w.data',
  ])
})

test('versions share the model.yaml of the first', async () => {
  const file = await exported('echo.onnx', echo)
  await add(file, 'echo', { version: '1' })
  await writeFile(join(modelsDir, 'echo/model.yaml'), 'description: edited by hand\n')

  const { isAdded } = await add(file, 'echo', { version: '2' })

  expect(isAdded).toBe(true)
  expect(await listAll()).toEqual([
    'echo',
    'echo/1',
    'echo/1/model.onnx',
    'echo/2',
    'echo/2/model.onnx',
    'echo/model.yaml',
  ])
  expect(await readFile(join(modelsDir, 'echo/model.yaml'), 'utf8')).toBe('description: edited by hand\n')
})

test('a model.yaml that lies beside the file is taken as it is', async () => {
  const file = await exported('echo.onnx', echo)
  await writeFile(join(dir, 'model.yaml'), 'rows: none\n')

  await add(file, 'echo')

  expect(await readFile(join(modelsDir, 'echo/model.yaml'), 'utf8')).toBe('rows: none\n')
  await expect(add(file, 'other', { task: 'tabular-regression' })).rejects.toThrow('leave --task out')
})

test('a model that the check finds bad is not added, and leaves nothing', async () => {
  const crashing = await exported('crashes.onnx', join(root, 'tests/models/crashes/model.onnx'))
  await writeFile(join(dir, 'model.yaml'), 'example: { i: 999 }\n')

  const { isAdded, checked } = await add(crashing, 'crashes')

  expect(isAdded).toBe(false)
  expect(checked).toMatchObject({ status: 'not loaded', reason: 'the executor was ended by SIGFPE' })
  expect(await listAll()).toEqual([])
})

test('a model with a golden case that is wrong is not added', async () => {
  const file = await exported('echo.onnx', echo)
  await writeFile(join(dir, 'golden.json'), JSON.stringify([{ input: { x: [1] }, output: { y: [2] } }]))

  expect((await add(file, 'echo')).isAdded).toBe(false)
  expect(await listAll()).toEqual([])
})

test('what is there is never overwritten', async () => {
  const file = await exported('echo.onnx', echo)
  await cp(join(root, 'models/iris'), join(modelsDir, 'iris'), { recursive: true })
  await add(file, 'echo', { version: '1' })
  const before = await listAll()

  await expect(add(file, 'iris')).rejects.toThrow('with --version 2')
  await expect(add(file, 'iris', { version: '2' })).rejects.toThrow('there is a model iris already')
  await expect(add(file, 'echo')).rejects.toThrow('add another version of echo with --version')
  await expect(add(file, 'echo', { version: '1' })).rejects.toThrow('there is a version 1 of echo already')

  expect(await listAll()).toEqual(before)
})

test('of two that add a model of one name at once one is told so, and what is there is whole', async () => {
  const file = await exported('echo.onnx', echo)

  const both = await Promise.allSettled([add(file, 'echo'), add(file, 'echo')])

  const refused = both.flatMap((one) => (one.status === 'rejected' ? [String(one.reason)] : []))
  expect(refused).toEqual([expect.stringContaining('there is a model of this name meanwhile')])
  expect(await listAll()).toEqual(['echo', 'echo/model.onnx', 'echo/model.yaml'])
})

test.each([
  ['Iris', undefined, `"Iris" can't be a model's name: a model name has 1 to 63 of a-z 0-9 . _ -`],
  ['../iris', undefined, `--name iris would do`],
  ['iris', '../2', "../2 can't be a version: use letters, digits and . _ -"],
])('the name %s, version %s, is refused as the repository refuses it', async (name, version, sentence) => {
  await expect(add(echo, name, { version })).rejects.toMatchObject({
    exitCode: 2,
    message: expect.stringContaining(sentence),
  })
})

test('what can not be copied whole is not begun', async () => {
  const withWeights = (file: string) =>
    buildOnnx({ inputs: [], nodes: [], outputs: [], externalConstant: { name: 'w', dims: [2], file } })

  await expect(add(await exported('a.onnx', withWeights('lost.data')), 'a')).rejects.toThrow(
    'its weights are in lost.data, which is missing: put it beside',
  )
  await expect(add(await exported('b.onnx', withWeights('../w.data')), 'b')).rejects.toThrow(
    'its weights are in ../w.data, in another folder',
  )
  await expect(add(echo, 'c', { task: 'tabular-regression' })).rejects.toMatchObject({
    exitCode: 1,
    message: expect.stringMatching(/is no model for --task tabular-regression: list the features/),
  })
  expect(await listAll()).toEqual([])
})

test('one that is told to end leaves nothing', async () => {
  const ending = new AbortController()
  const adding = add(await exported('echo.onnx', echo), 'echo', { signal: ending.signal })

  ending.abort()

  expect((await adding).isAdded).toBe(false)
  expect(await listAll()).toEqual([])
})

test('what can not be served, or has settings that are wrong, is not begun', async () => {
  const carried = { type: 'bfloat16', shape: ['N', 2] } as const
  const bfloat16 = buildOnnx({
    inputs: [{ name: 'x', ...carried }],
    nodes: [{ op: 'Identity', inputs: ['x'], outputs: ['y'] }],
    outputs: [{ name: 'y', ...carried }],
  })

  await expect(add(await exported('bf.onnx', bfloat16), 'bf')).rejects.toMatchObject({
    exitCode: 1,
    message: expect.stringMatching(/bf\.onnx can't be served: input x holds bfloat16/),
  })
  await writeFile(join(dir, 'model.yaml'), 'taks: tensors\n')
  await expect(add(await exported('echo.onnx', echo), 'echo')).rejects.toMatchObject({
    exitCode: 1,
    message: `${join(dir, 'model.yaml')} has to be corrected first: model.yaml:1:1: taks is not a setting; did you mean task?.`,
  })
  expect(await listAll()).toEqual([])
})

test('a repository that can not be written to is told', async () => {
  await writeFile(modelsDir, 'a file')

  await expect(add(await exported('echo.onnx', echo), 'echo')).rejects.toMatchObject({
    exitCode: 2,
    message: `the model can't be put into ${modelsDir} (ENOTDIR): make it a folder with room that you may write to, or set ONQUEUE_MODELS_DIR to another one.`,
  })
})

test('no worker sees a model that is not whole yet', async () => {
  await using staged = await stageModel({ modelsDir, name: 'echo' })
  await staged.copy(echo, 'model.onnx')

  const { definitions, refused } = await readModelRepository(modelsDir)

  expect([...definitions, ...refused]).toEqual([])
})

import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { readModelRepository } from './read-model-repository.ts'

let root = ''

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'onqueue-models-'))
})

afterEach(() => rm(root, { recursive: true }))

const put = async (files: Record<string, string>) => {
  for (const [path, text] of Object.entries(files)) {
    await mkdir(dirname(join(root, path)), { recursive: true })
    await writeFile(join(root, path), text)
  }
}

const readDigest = async () => (await readModelRepository(root)).definitions[0]?.digest

test('a model.onnx without more is version 1 of its folder', async () => {
  await put({ 'iris/model.onnx': 'x' })

  const { definitions, refused } = await readModelRepository(root)

  expect(refused).toEqual([])
  expect(definitions).toMatchObject([
    { name: 'iris', version: '1', dir: join(root, 'iris'), onnxPath: join(root, 'iris/model.onnx') },
  ])
  expect(definitions[0]?.digest).toMatch(/^[0-9a-f]{64}$/)
  expect(definitions[0]?.settings.task).toBe('tensors')
})

test('version folders come in ascending order, and share the model.yaml', async () => {
  await put({
    'iris/model.yaml': 'description: flowers',
    'iris/10/model.onnx': 'x',
    'iris/9/model.onnx': 'x',
    'iris/notes/todo.txt': 'no version',
  })

  const { definitions } = await readModelRepository(root)

  expect(definitions.map(({ version, settings }) => [version, settings.description])).toEqual([
    ['9', 'flowers'],
    ['10', 'flowers'],
  ])
  expect(definitions[0]?.digest).not.toBe(definitions[1]?.digest)
})

test('what is no model is passed over', async () => {
  await put({ 'requirements.txt': 'numpy', 'notes/readme.md': 'x', '.venv/model.onnx': 'x' })

  expect(await readModelRepository(root)).toEqual({ definitions: [], refused: [] })
})

test('a model.yaml without a model is refused', async () => {
  await put({ 'iris/model.yaml': 'description: flowers' })

  const { refused } = await readModelRepository(root)

  expect(refused).toEqual([
    { name: 'iris', reason: 'no model.onnx: put one beside iris/model.yaml or into iris/<version>/' },
  ])
})

test('a model.yaml with a mistake refuses each version with its digest, and no other model', async () => {
  await put({
    'bad/model.yaml': 'taks: tensors',
    'bad/1/model.onnx': 'x',
    'bad/2/model.onnx': 'x',
    'good/model.onnx': 'x',
  })

  const { definitions, refused } = await readModelRepository(root)

  expect(definitions.map(({ name }) => name)).toEqual(['good'])
  expect(refused).toMatchObject([
    { name: 'bad', version: '1', reason: 'model.yaml:1:1: taks is not a setting; did you mean task?' },
    { name: 'bad', version: '2', reason: 'model.yaml:1:1: taks is not a setting; did you mean task?' },
  ])
  expect(refused[0]?.digest).toMatch(/^[0-9a-f]{64}$/)
})

test('a name that could not be in a URL or an id is refused', async () => {
  await put({ 'My Model/model.onnx': 'x' })

  const { refused } = await readModelRepository(root)

  expect(refused).toEqual([
    {
      name: 'my-model',
      reason:
        'the folder "My Model" can\'t be a model\'s name: a model name has 1 to 63 of a-z 0-9 . _ - and starts and ends with a letter or digit; rename it to my-model',
    },
  ])
})

test.each([
  ['Iris', 'iris'],
  ['_private_', 'private'],
  ['Größe & Gewicht', 'gro-e-gewicht'],
  ['a'.repeat(70), 'a'.repeat(63)],
])('a folder %s is shown as %s', async (folder, name) => {
  await put({ [`${folder}/model.onnx`]: 'x' })

  expect((await readModelRepository(root)).refused).toMatchObject([{ name }])
})

test('a folder whose name can be mended to that of another is told by its own', async () => {
  await put({ 'My Model/model.onnx': 'x', 'my-model/model.onnx': 'x', '模型/model.onnx': 'x' })

  const { definitions, refused } = await readModelRepository(root)

  expect(definitions.map(({ name }) => name)).toEqual(['my-model'])
  expect(refused.map(({ name }) => name)).toEqual(['My Model', '模型'])
})

test('a model beside version folders is refused', async () => {
  await put({ 'iris/model.onnx': 'x', 'iris/2/model.onnx': 'x' })

  const { refused } = await readModelRepository(root)

  expect(refused[0]?.reason).toBe(
    'has both model.onnx and 2/model.onnx: move the first into a version folder too',
  )
})

test('a repository that is not there is an error', async () => {
  await expect(readModelRepository(join(root, 'nowhere'))).rejects.toThrow('ENOENT')
})

test('the digest follows everything that decides what a version answers', async () => {
  await put({ 'iris/model.onnx': 'x' })
  const digests = [await readDigest()]
  const changes = [
    { 'iris/model.onnx': 'y' },
    { 'iris/model.onnx.data': 'weights' },
    { 'iris/labels.txt': 'a b' },
    { 'iris/model.yaml': 'description: flowers' },
  ]
  for (const change of changes) {
    await put(change)
    digests.push(await readDigest())
  }

  expect(new Set(digests).size).toBe(5)
})

test('the digest does not follow what only people read', async () => {
  await put({ 'iris/model.onnx': 'x' })
  const before = await readDigest()

  await put({
    'iris/README.md': 'x',
    'iris/golden.json': '[]',
    'iris/make.py': 'x',
    'iris/data/training.csv': '1',
  })

  expect(await readDigest()).toBe(before)
})

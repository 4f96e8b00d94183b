import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { readModelRepository, readUnread } from './read-model-repository.ts'

let root = ''

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'onqueue-models-'))
})

afterEach(() => rm(root, { recursive: true }))

const put = async (files: Record<string, string | Buffer>) => {
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

  expect(await readModelRepository(root)).toEqual({ definitions: [], refused: [], unread: [] })
})

test('a model.yaml without a model is refused', async () => {
  await put({ 'iris/model.yaml': 'description: flowers' })

  const { refused } = await readModelRepository(root)

  expect(refused).toEqual([
    { name: 'iris', reason: 'no model.onnx: put one beside iris/model.yaml or into iris/<version>/' },
  ])
})

test.each([
  ['iris/iris.onnx', 'no model.onnx: rename iris/iris.onnx to model.onnx'],
  ['iris/Model.ONNX', 'no model.onnx: rename iris/Model.ONNX to model.onnx'],
  ['iris/2/iris.onnx', 'no model.onnx: rename iris/2/iris.onnx to model.onnx'],
  [
    'iris.onnx',
    'iris.onnx lies in the models folder itself: put it into a folder of its own, as iris/model.onnx',
  ],
])('what was most likely meant to be a model is told: %s', async (path, reason) => {
  await put({ [path]: 'x' })

  expect(await readModelRepository(root)).toMatchObject({
    definitions: [],
    refused: [{ name: 'iris', reason }],
  })
})

test('settings of another name are told, and keep the model from being served without them', async () => {
  await put({ 'iris/model.onnx': 'x', 'iris/model.yml': 'description: x' })

  expect(await readModelRepository(root)).toMatchObject({
    definitions: [],
    refused: [{ name: 'iris', reason: 'model.yml is not read: rename it to model.yaml' }],
  })
})

test('beside a model.onnx any other file may lie', async () => {
  await put({
    'iris/model.onnx': 'x',
    'iris/encoder.onnx': 'x',
    'iris/model.yaml': 'description: x',
    'iris/model.yml': 'y',
    'iris/notes/draft.onnx': 'x',
    'housing/1/model.onnx': 'x',
    'housing/1/parts.onnx': 'x',
  })

  const { definitions, refused } = await readModelRepository(root)

  expect(definitions.map(({ name }) => name)).toEqual(['housing', 'iris'])
  expect(refused).toEqual([])
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

test.each([
  ['as Windows editors save text', Buffer.from('task: tensors\ndescription: gr\xf6\xdfe', 'latin1'), 2],
  ['as PowerShell writes files', Buffer.from('\ufefftask: tensors', 'utf16le'), 1],
])('a model.yaml that is not UTF-8, %s, is refused with its line', async (_how, bytes, line) => {
  await put({ 'bad/model.yaml': bytes, 'bad/model.onnx': 'x' })

  const { refused } = await readModelRepository(root)

  expect(refused).toMatchObject([{ reason: `model.yaml:${line}: is not UTF-8; save it as UTF-8` }])
})

test('a model.yaml may begin with a byte order mark', async () => {
  await put({ 'good/model.yaml': '\ufeffdescription: größe \ufffd', 'good/model.onnx': 'x' })

  const { definitions } = await readModelRepository(root)

  expect(definitions).toMatchObject([{ settings: { description: 'größe \ufffd' } }])
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
  await put({
    'My Model/model.onnx': 'x',
    'my-model/model.onnx': 'x',
    'My model.onnx': 'x',
    '模型/model.onnx': 'x',
  })

  const { definitions, refused } = await readModelRepository(root)

  expect(definitions.map(({ name }) => name)).toEqual(['my-model'])
  expect(refused.map(({ name }) => name)).toEqual(['My Model', '模型', 'My model.onnx'])
})

test('a model beside version folders is refused', async () => {
  await put({ 'iris/model.onnx': 'x', 'iris/2/model.onnx': 'x' })

  const { refused } = await readModelRepository(root)

  expect(refused[0]?.reason).toBe(
    'has both model.onnx and 2/model.onnx: move the first into a version folder too',
  )
})

/** A file that is there and fails to be read, as one on a disk that fails does. */
const failingFile = '/proc/self/mem'
/** Where it is. */
const links = { links: ['/proc'] }

test('what the machine can not read is no reason to refuse it, and takes nothing else with it', async () => {
  await put({ 'iris/2/model.onnx': 'x', 'moons/model.onnx': 'x' })
  await mkdir(join(root, 'iris/1'))
  await symlink(failingFile, join(root, 'iris/1/model.onnx'))

  const { definitions, refused, unread } = await readModelRepository(root, links)

  expect(unread).toEqual([{ name: 'iris', version: '1', reason: 'EIO: i/o error, read' }])
  expect(refused).toEqual([])
  expect(definitions.map(({ name, version }) => [name, version])).toEqual([
    ['iris', '2'],
    ['moons', '1'],
  ])
})

test('what could not be read is read again by itself', async () => {
  await put({ 'iris/2/model.onnx': 'x' })
  await mkdir(join(root, 'iris/1'))
  await symlink(failingFile, join(root, 'iris/1/model.onnx'))
  const [unread] = (await readModelRepository(root, links)).unread
  if (!unread) throw new Error('it was read')

  const again = await readUnread(root, unread, links)
  await rm(join(root, 'iris/1/model.onnx'))
  await put({ 'iris/1/model.onnx': 'x' })
  const atLast = await readUnread(root, unread, links)

  expect(again).toEqual({ definitions: [], refused: [], unread: [unread] })
  expect(atLast).toMatchObject({ definitions: [{ name: 'iris', version: '1' }], refused: [], unread: [] })
})

test('a model.yaml that the machine can not read leaves its whole folder unread', async () => {
  await put({ 'iris/1/model.onnx': 'x' })
  await symlink(failingFile, join(root, 'iris/model.yaml'))

  expect(await readModelRepository(root, links)).toEqual({
    definitions: [],
    refused: [],
    unread: [{ name: 'iris', reason: 'EIO: i/o error, read' }],
  })
})

test('a folder that can not be read for what lies in it is refused', async () => {
  await put({ 'iris/model.onnx': 'x' })
  await mkdir(join(root, 'iris/model.yaml'))

  expect(await readModelRepository(root)).toEqual({
    definitions: [],
    refused: [{ name: 'iris', reason: "can't be read: EISDIR: illegal operation on a directory, read" }],
    unread: [],
  })
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

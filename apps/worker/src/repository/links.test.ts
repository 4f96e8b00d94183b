import { execFileSync } from 'node:child_process'
import { mkdir, mkdtemp, realpath, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { readModelRepository } from './read-model-repository.ts'

let root = ''
let outside = ''

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'onqueue-models-'))
  outside = await realpath(await mkdtemp(join(tmpdir(), 'onqueue-outside-')))
  await writeFile(join(outside, 'model.onnx'), 'x')
  await writeFile(join(outside, 'secret.txt'), 'taks: nothing to be shown')
})

afterEach(() => Promise.all([root, outside].map((folder) => rm(folder, { recursive: true }))))

const put = async (path: string) => {
  await mkdir(dirname(join(root, path)), { recursive: true })
  await writeFile(join(root, path), 'x')
}

const link = async (path: string, target: string) => {
  await mkdir(dirname(join(root, path)), { recursive: true })
  await symlink(target, join(root, path))
}

const leadsTo = (name: string, target: string) =>
  `${name} is a link to ${join(outside, target)}, out of the models folder: copy what is there, or allow it with ONQUEUE_MODELS_LINKS`

test.each([
  ['a model', 'evil', '', { name: 'evil', reason: 'evil' }],
  ['a version', 'evil/1', '', { name: 'evil', version: '1', reason: 'evil/1' }],
  [
    'a file of a model',
    'evil/model.onnx',
    'model.onnx',
    { name: 'evil', version: '1', reason: 'evil/model.onnx' },
  ],
  ['settings', 'evil/model.yaml', 'secret.txt', { name: 'evil', reason: 'evil/model.yaml' }],
  ['weights', 'evil/w.bin', 'secret.txt', { name: 'evil', version: '1', reason: 'evil/w.bin' }],
  [
    'weights below',
    'evil/1/sub/w.bin',
    'secret.txt',
    { name: 'evil', version: '1', reason: 'evil/1/sub/w.bin' },
  ],
])(
  '%s that leads out of the repository is refused, and no other model',
  async (_what, path, target, refused) => {
    await put('good/model.onnx')
    if (/w\.bin|yaml/.test(path)) await put(join(dirname(path).replace('/sub', ''), 'model.onnx'))
    await link(path, join(outside, target))

    const found = await readModelRepository(root)

    expect(found.refused).toEqual([{ ...refused, reason: leadsTo(refused.reason, target) }])
    expect(found.definitions.map(({ name }) => name)).toEqual(['good'])
  },
)

test('links that stay inside are followed, as those of a volume of Kubernetes and of a cache of Hugging Face', async () => {
  await put('volume/..2026_11_28/model.onnx')
  await link('volume/..data', '..2026_11_28')
  await link('volume/model.onnx', '..data/model.onnx')
  await put('.cache/blobs/1f2e')
  await link('snapshot/model.onnx', '../.cache/blobs/1f2e')
  await link('again', 'snapshot')

  const { definitions, refused } = await readModelRepository(root)

  expect(refused).toEqual([])
  expect(definitions.map(({ name }) => name)).toEqual(['again', 'snapshot', 'volume'])
})

test('a repository may itself be a link', async () => {
  await put('good/model.onnx')
  const linked = join(outside, 'models')
  await symlink(root, linked)

  const { definitions, refused } = await readModelRepository(linked)

  expect(refused).toEqual([])
  expect(definitions.map(({ name }) => name)).toEqual(['good'])
})

test('a link may lead below a folder that the operator named, and not beside it', async () => {
  await link('good', outside)
  await mkdir(`${outside}-beside`)
  await link('evil/model.onnx', `${outside}-beside/model.onnx`)
  await writeFile(`${outside}-beside/model.onnx`, 'x')

  const { definitions, refused } = await readModelRepository(root, { links: ['/nowhere', outside] })
  await rm(`${outside}-beside`, { recursive: true })

  expect(definitions.map(({ name }) => name)).toEqual(['good'])
  expect(refused.map(({ name }) => name)).toEqual(['evil'])
})

test('a pipe, which would be waited for without an end, is refused', async () => {
  await put('evil/model.onnx')
  execFileSync('mkfifo', [join(root, 'evil/w.bin')])

  const { refused } = await readModelRepository(root)

  expect(refused).toEqual([
    { name: 'evil', version: '1', reason: 'evil/w.bin is no file: take it out of the models folder' },
  ])
})

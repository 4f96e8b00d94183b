import { copyFile, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { findAllVersions, findVersions } from './find-versions.ts'

const root = join(import.meta.dirname, '../..')
let dir = ''
const put = async (path: string, text?: string) => {
  await mkdir(dirname(join(dir, path)), { recursive: true })
  if (text === undefined) await copyFile(join(root, 'models/iris/model.onnx'), join(dir, path))
  else await writeFile(join(dir, path), text)
}

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'onqueue-find-'))
  await put('repository/flowers/model.onnx')
  await put('repository/flowers/model.yaml', 'task: tabular-classification')
  await put('repository/many/1/model.onnx')
  await put('repository/many/2/model.onnx')
  await put('repository/many/model.yaml', 'description: of many')
  await put('numbered/1/model.onnx')
  await put('numbered/2.1/model.onnx')
  await put('misnamed/iris.onnx')
  await put('bare/iris V2.onnx')
  await put('bare/model.yaml', 'description: beside it')
  await put('bad-yaml/model.onnx')
  await put('bad-yaml/model.yaml', 'taks: tensors')
  await put('empty/README.md', 'nothing')
})
afterAll(() => rm(dir, { recursive: true }))

const found = async (path: string) => {
  const { definitions, refused } = await findVersions(join(dir, path))
  return [
    ...definitions.map(({ name, version, settings }) => `${name}/${version} ${settings.description}`.trim()),
    ...refused.map(({ name, reason }) => `${name} refused: ${reason}`),
  ]
}

test.each([
  ['repository', ['flowers/1', 'many/1 of many', 'many/2 of many']],
  ['repository/flowers', ['flowers/1']],
  ['repository/many', ['many/1 of many', 'many/2 of many']],
  ['repository/many/2', ['many/2 of many']],
  ['repository/many/2/model.onnx', ['many/2 of many']],
  ['numbered', ['numbered/1', 'numbered/2.1']],
  ['bare/iris V2.onnx', ['iris-v2/1 beside it']],
])('%s stands for %j', async (path, versions) => {
  expect(await found(path)).toEqual(versions)
})

test('what a worker would refuse is found, with its reason', async () => {
  expect(await found('misnamed')).toEqual([
    'misnamed refused: no model.onnx: rename misnamed/iris.onnx to model.onnx',
  ])
  expect(await found('bad-yaml')).toEqual([
    'bad-yaml refused: model.yaml:1:1: taks is not a setting; did you mean task?',
  ])
})

test('where there is nothing, the command is refused with what to do', async () => {
  await expect(found('nowhere')).rejects.toMatchObject({
    exitCode: 2,
    message: `there is no ${join(dir, 'nowhere')}: give the folder of a model, a model repository, or an .onnx file.`,
  })
  await expect(found('empty')).rejects.toMatchObject({
    exitCode: 2,
    message: expect.stringContaining(`there is no model in ${join(dir, 'empty')}: put an .onnx file`),
  })
  await expect(findAllVersions(join(dir, 'nowhere'))).rejects.toThrow('set ONQUEUE_MODELS_DIR')
})

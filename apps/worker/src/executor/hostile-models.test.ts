import { mkdtemp, cp, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, onTestFinished, test } from 'vitest'
import { readModelSettings } from '../repository/read-model-settings.ts'
import { loadModel } from './load-model.ts'

/** Files that lie (tests/hostile). The one that ends its process is loaded by tests/hostile-files.test.ts. */
const folder = fileURLToPath(new URL('../../../../tests/hostile', import.meta.url))

const load = (dir: string, yaml = '') =>
  loadModel(
    {
      name: 'hostile',
      version: '1',
      digest: '',
      dir,
      onnxPath: join(dir, 'model.onnx'),
      settings: readModelSettings(yaml),
    },
    1,
  )

/** A copy of a model with a file beside its folder that nobody may read. */
const copyWithSecret = async (name: string) => {
  const scratch = await mkdtemp(join(tmpdir(), 'onqueue-hostile-'))
  onTestFinished(() => rm(scratch, { recursive: true }))
  await cp(join(folder, name), join(scratch, name), { recursive: true })
  await writeFile(join(scratch, 'secret.bin'), Buffer.alloc(32, 7))
  return join(scratch, name)
}

test.each([
  [
    'another-width',
    /^its shapes contradict each other \(Incompatible dimensions for matrix multiplication\)/,
  ],
  ['too-few-bytes', /^its weights w have 16 bytes, and their shape takes 32: the file is damaged/],
  ['too-many-bytes', /^its weights w have 64 bytes, and their shape takes 32: the file is damaged/],
  ['negative-lengths', /^a shape in it has lengths that no tensor can have: the file is damaged/],
  ['endless-lengths', /^its shapes contradict each other/],
  ['lengths-that-overflow', /^its shapes contradict each other/],
])('shapes that lie are refused: %s', async (name, sentence) => {
  await expect(load(join(folder, name))).rejects.toMatchObject({
    name: 'Refusal',
    message: expect.stringMatching(sentence),
  })
})

test.each([
  ['weights-above', /^its weights are in \.\.\/secret\.bin, which is no place in the model's folder/],
  ['weights-anywhere', /^its weights are in \/proc\/self\/environ, which is no place in the model's folder/],
  ['weights-of-a-constant', /^its weights are in \.\.\/secret\.bin, which is no place in the model's folder/],
  ['weights-in-memory', /^ONNX Runtime can't load it: .*not allowed in a model/],
])('weights outside of the folder are not read: %s', async (name, sentence) => {
  await expect(load(await copyWithSecret(name))).rejects.toMatchObject({
    name: 'Refusal',
    message: expect.stringMatching(sentence),
  })
})

test('weights are not read by a link that leads out of the folder', async () => {
  const dir = await copyWithSecret('weights-by-a-link')
  await symlink('../secret.bin', join(dir, 'w.bin'))

  await expect(load(dir)).rejects.toThrow(/^its weights lead out of the model's folder: copy them into it/)
})

test('weights that are cut off are refused', async () => {
  const dir = await copyWithSecret('weights-by-a-link')
  await writeFile(join(dir, 'w.bin'), Buffer.alloc(8))

  await expect(load(dir)).rejects.toThrow(/^its weights are in a file of their own that can't be read/)
})

test.each(['', 'example: { x: [1, 2, 3, 4] }'])(
  'a model that takes more memory than the machine has is refused, with model.yaml "%s"',
  async (yaml) => {
    await expect(load(join(folder, 'more-than-memory'), yaml)).rejects.toMatchObject({
      name: 'Refusal',
      message: expect.stringMatching(/^a run takes 4000 GB of memory at once, and this machine has \d+/),
    })
  },
)

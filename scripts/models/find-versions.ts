import { access, readFile, stat } from 'node:fs/promises'
import { basename, dirname, join, resolve } from 'node:path'
import { listFolders, listOnnxFiles } from '../../apps/worker/src/repository/look-at-files.ts'
import { nameLike } from '../../apps/worker/src/repository/name-like.ts'
import { readModelRepository, readUnread } from '../../apps/worker/src/repository/read-model-repository.ts'
import type { ModelRepository } from '../../apps/worker/src/repository/read-model-repository.ts'
import { readModelSettings } from '../../apps/worker/src/repository/read-model-settings.ts'
import { Refusal } from '../../apps/worker/src/refusal.ts'
import { CommandError, systemCodeOf } from '../commands/command-error.ts'

/** Folders that links in a repository may lead into: ONQUEUE_MODELS_LINKS. */
type LinkRule = { links?: readonly string[] }

/** Those of the model repository. */
export const findAllVersions = async (modelsDir: string, rule: LinkRule = {}) =>
  someOf(await readModelRepository(modelsDir, rule), resolve(modelsDir))

/**
 * The versions that a path stands for, read as a worker reads them: of a model repository, of the folder of a model, of that
 * of a version, or of an ONNX file, with the `model.yaml` beside it. Rejects with a CommandError where there is none.
 */
export const findVersions = async (path: string, rule: LinkRule = {}): Promise<ModelRepository> => {
  const place = resolve(path)
  return someOf(
    (await isFolder(place)) ? await readFolder(place, rule) : await readSingleFile(place, rule),
    path,
  )
}

const someOf = (found: ModelRepository, path: string) => {
  const { definitions, refused, unread } = found
  if (definitions.length + refused.length + unread.length > 0) return found
  throw new CommandError(
    `there is no model in ${path}: put an .onnx file into a folder there, as my-model/model.onnx, or type npm run models -- add FILE --name my-model.`,
  )
}

const isFolder = async (place: string) => {
  const found = await stat(place).catch((err: unknown) => {
    const code = systemCodeOf(err)
    if (code === undefined) throw err
    if (code !== 'ENOENT') throw new CommandError(`${place} can't be looked at (${code}).`, { cause: err })
    throw new CommandError(
      `there is no ${place}: give the folder of a model, a model repository, or an .onnx file.`,
    )
  })
  return found.isDirectory()
}

/** Which of the three a folder is. */
const readFolder = async (place: string, rule: LinkRule): Promise<ModelRepository> => {
  const parent = dirname(place)
  const hasModel = await isThere(join(place, 'model.onnx'))
  const hasSettings = await isThere(join(place, 'model.yaml'))
  // the settings of a version are those of its model
  if (hasModel && !hasSettings && (await isThere(join(parent, 'model.yaml')))) return readVersion(place, rule)
  return hasModel || hasSettings || (await isModel(place))
    ? readUnread(parent, { name: basename(place), reason: '' }, rule)
    : readModelRepository(place, rule)
}

const readVersion = (place: string, rule: LinkRule) => {
  const model = dirname(place)
  return readUnread(dirname(model), { name: basename(model), version: basename(place), reason: '' }, rule)
}

/** Without a model.yaml: an ONNX file of another name and no folders, or folders that are named like versions. */
const isModel = async (place: string) => {
  const folders = await listFolders(place)
  if (folders.length === 0) return (await listOnnxFiles(place)).length > 0
  return folders.every((name) => /^v?\d+([._-]\w+)*$/.test(name))
}

const isThere = (path: string) =>
  access(path).then(
    () => true,
    () => false,
  )

/** One that has the name of a model's file is read as its folder is; any other as a model by itself. */
const readSingleFile = async (place: string, rule: LinkRule): Promise<ModelRepository> => {
  if (basename(place) === 'model.onnx') return readFolder(dirname(place), rule)
  const dir = dirname(place)
  const stem = basename(place).replace(/\.onnx$/i, '')
  const name = nameLike(stem) ?? 'my-model'
  const yaml = await readFile(join(dir, 'model.yaml'), 'utf8').catch(() => '')
  const nothing: ModelRepository = { definitions: [], refused: [], unread: [] }
  try {
    const definition = {
      name,
      version: '1',
      digest: '',
      dir,
      onnxPath: place,
      settings: readModelSettings(yaml),
    }
    return { ...nothing, definitions: [definition] }
  } catch (err) {
    if (!(err instanceof Refusal)) throw err
    return { ...nothing, refused: [{ name, version: '1', reason: err.message }] }
  }
}

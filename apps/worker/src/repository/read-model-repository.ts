import { readFile, readdir, stat } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { compareVersions, ConfigError, modelNameSchema } from '@onqueue/shared'
import type { ModelDefinition } from './model-definition.ts'
import type { ModelSettings } from '../tasks/model-settings.ts'
import { readModelSettings } from './read-model-settings.ts'
import { Refusal } from '../refusal.ts'
import { versionDigest } from './version-digest.ts'

/** What can't be served, and the sentence that says why. Without a version it is the whole folder. */
export type RefusedModel = { name: string; version?: string; digest?: string; reason: string }

export type ModelRepository = { definitions: ModelDefinition[]; refused: RefusedModel[] }

type Version = { version: string; dir: string }

const versionPattern = /^[A-Za-z0-9]([A-Za-z0-9._-]{0,62})$/

/**
 * Reads the model repository: `<name>/model.onnx`, which is version 1, or `<name>/<version>/model.onnx`, each with a
 * `<name>/model.yaml` or without. A folder with neither is no model. Throws a ConfigError when `dir` itself
 * can't be read.
 */
export const readModelRepository = async (dir: string): Promise<ModelRepository> => {
  const root = resolve(dir)
  const names = await listFolders(root).catch((err: unknown) => {
    const reason = err instanceof Error && 'code' in err ? String(err.code) : String(err)
    throw new ConfigError(
      `the model repository ${root} can't be read (${reason}); create it, or set ONQUEUE_MODELS_DIR to where the models are`,
      { cause: err },
    )
  })
  const models = await Promise.all(
    names.map((name) =>
      readModel(name, join(root, name), names).catch((err: unknown): ModelRepository => {
        // a folder that is being copied or is locked must not take the other models with it
        if (err instanceof Error && 'code' in err) return refuse(name, `can't be read: ${err.message}`)
        throw err
      }),
    ),
  )
  return {
    definitions: models.flatMap((model) => model.definitions),
    refused: models.flatMap((model) => model.refused),
  }
}

const readModel = async (name: string, dir: string, others: string[]): Promise<ModelRepository> => {
  const yaml = await readText(join(dir, 'model.yaml'))
  const isFlat = await isFile(join(dir, 'model.onnx'))
  const versions = await listVersions(dir)
  if (!isFlat && versions.length === 0) {
    if (yaml === undefined) return { definitions: [], refused: [] }
    return refuse(name, `no model.onnx: put one beside ${name}/model.yaml or into ${name}/<version>/`)
  }
  const validName = modelNameSchema.safeParse(name)
  if (!validName.success) {
    const rule = validName.error.issues[0]?.message
    const better = nameLike(name)
    // that of another folder is not to be refused: then only the log tells
    if (better === undefined || others.includes(better))
      return refuse(name, `${name} can't be a model's name: ${rule}`)
    return refuse(better, `the folder "${name}" can't be a model's name: ${rule}; rename it to ${better}`)
  }
  if (isFlat && versions.length > 0) {
    return refuse(
      name,
      `has both model.onnx and ${versions[0]?.version}/model.onnx: move the first into a version folder too`,
    )
  }
  return readVersions({ name, dir, yaml, versions: isFlat ? [{ version: '1', dir }] : versions })
}

/** The name that a folder could have, under which the model is shown as refused: its own can't be in an address. */
const nameLike = (folder: string) => {
  const plain = folder
    .normalize('NFKD')
    .toLowerCase()
    .replaceAll(/[^a-z0-9._-]+/g, '-')
    .slice(0, 63)
  return modelNameSchema.safeParse(plain.replaceAll(/^[._-]+|[._-]+$/g, '')).data
}

const refuse = (name: string, reason: string): ModelRepository => ({
  definitions: [],
  refused: [{ name, reason }],
})

const readVersions = async (options: {
  name: string
  dir: string
  yaml: string | undefined
  versions: Version[]
}): Promise<ModelRepository> => {
  const { name, dir, yaml, versions } = options
  const settings = readSettings(yaml)
  const definitions: ModelDefinition[] = []
  const refused: RefusedModel[] = []
  for (const version of versions) {
    const digest = await versionDigest({ name, modelDir: dir, versionDir: version.dir })
    const found = { name, version: version.version, digest }
    if ('reason' in settings) refused.push({ ...found, reason: settings.reason })
    else if (!versionPattern.test(version.version)) {
      refused.push({
        ...found,
        reason: `${version.version} can't be a version: use letters, digits and . _ -`,
      })
    } else
      definitions.push({
        ...found,
        dir,
        onnxPath: join(version.dir, 'model.onnx'),
        settings: settings.settings,
      })
  }
  return { definitions, refused }
}

const readSettings = (yaml: string | undefined): { settings: ModelSettings } | { reason: string } => {
  try {
    return { settings: readModelSettings(yaml ?? '') }
  } catch (err) {
    if (err instanceof Refusal) return { reason: err.message }
    throw err
  }
}

/** In ascending order, as numbers where they are numbers. */
const listVersions = async (dir: string): Promise<Version[]> => {
  const folders = await listFolders(dir)
  const found = await Promise.all(folders.map((folder) => isFile(join(dir, folder, 'model.onnx'))))
  return folders
    .filter((_, index) => found[index])
    .sort(compareVersions)
    .map((version) => ({ version, dir: join(dir, version) }))
}

/** Names of the folders in a folder, and of links to folders, but not hidden ones. */
const listFolders = async (dir: string): Promise<string[]> => {
  const names = (await readdir(dir)).filter((name) => !name.startsWith('.')).sort()
  const isFolder = await Promise.all(
    names.map(async (name) => (await statOf(join(dir, name)))?.isDirectory()),
  )
  return names.filter((_, index) => isFolder[index])
}

const isFile = async (path: string) => (await statOf(path))?.isFile() ?? false

const statOf = (path: string) => stat(path).catch(() => undefined)

const readText = async (path: string) => ((await statOf(path)) ? await readFile(path, 'utf8') : undefined)

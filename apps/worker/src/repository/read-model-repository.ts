import { isUtf8 } from 'node:buffer'
import { join, resolve } from 'node:path'
import { ConfigError, modelNameSchema } from '@onqueue/shared'
import type { ModelDefinition } from './model-definition.ts'
import type { ModelSettings } from '../tasks/model-settings.ts'
import { isFile, isThere, listFolders, listOnnxFiles, readBytes } from './look-at-files.ts'
import { findForbidden, listEntries, readLinkRule } from './links.ts'
import type { LinkRule } from './links.ts'
import { findMisnamedModel } from './find-misnamed-model.ts'
import { listVersions } from './list-versions.ts'
import type { Version } from './list-versions.ts'
import { nameLike } from './name-like.ts'
import { readModelSettings } from './read-model-settings.ts'
import { isMachineTrouble } from '../machine-trouble.ts'
import { Refusal } from '../refusal.ts'
import { versionDigest } from './version-digest.ts'

/** What can't be served, and the sentence that says why. Without a version it is the whole folder. */
export type RefusedModel = { name: string; version?: string; digest?: string; reason: string }

/** What the machine can't read for now, which says nothing against the files. Without a version it is the whole folder. */
export type UnreadModel = { name: string; version?: string; reason: string }

export type ModelRepository = {
  definitions: ModelDefinition[]
  refused: RefusedModel[]
  unread: UnreadModel[]
}

/** Folders outside of the repository that links in it may lead into. */
type Links = { links?: readonly string[] }

const versionPattern = /^[A-Za-z0-9]([A-Za-z0-9._-]{0,62})$/

/** Why a version can't have this name; undefined where it can. */
export const whyNoVersion = (version: string) => {
  const reason = `${version} can't be a version: use letters, digits and . _ -`
  return versionPattern.test(version) ? undefined : reason
}

/**
 * Reads the model repository: `<name>/model.onnx`, which is version 1, or `<name>/<version>/model.onnx`, each with a
 * `<name>/model.yaml` or without. A folder with neither is no model; what was most likely meant to be one is refused. Throws a ConfigError when `dir` itself
 * can't be read, unless the machine is to blame.
 */
export const readModelRepository = async (
  dir: string,
  { links = [] }: Links = {},
): Promise<ModelRepository> => {
  const root = resolve(dir)
  const names = await listFolders(root).catch((err: unknown) => {
    if (isMachineTrouble(err)) throw err
    const reason = err instanceof Error && 'code' in err ? String(err.code) : String(err)
    throw new ConfigError(
      `the model repository ${root} can't be read (${reason}); create it, or set ONQUEUE_MODELS_DIR to where the models are`,
      { cause: err },
    )
  })
  const rule = await readLinkRule(root, links)
  const loose = (await listOnnxFiles(root)).filter((file) => !names.includes(file))
  return allOf([
    ...(await Promise.all(
      names.map((name) => readFolder({ name, dir: join(root, name), others: names, rule })),
    )),
    ...loose.map((file) => refuseLoose(file, names)),
  ])
}

/** Shown under the name that it would have in a folder of its own. */
const refuseLoose = (file: string, folders: string[]) => {
  const name = nameLike(file.slice(0, -'.onnx'.length)) ?? 'my-model'
  const reason = `${file} lies in the models folder itself: put it into a folder of its own, as ${name}/model.onnx`
  return refuse(folders.includes(name) ? file : name, reason)
}

/** Reads what could not be read before: a version, or a whole folder. */
export const readUnread = async (
  dir: string,
  { name, version }: UnreadModel,
  { links = [] }: Links = {},
): Promise<ModelRepository> => {
  const root = resolve(dir)
  const rule = await readLinkRule(root, links)
  return readFolder({ name, dir: join(root, name), others: [], only: version, rule })
}

type Folder = {
  name: string
  dir: string
  /** the names of all folders */
  others: string[]
  /** the version that is asked for; all of them when not given */
  only?: string | undefined
  rule: LinkRule
}

/** A folder that is being copied or is locked must not take the other models with it, nor a version the others. */
const readFolder = (folder: Folder) =>
  readModel(folder).catch((err: unknown) => notRead({ name: folder.name }, err))

const notRead = (what: Omit<UnreadModel, 'reason'>, err: unknown): ModelRepository => {
  if (!(err instanceof Error && 'code' in err)) throw err
  // one that can't be a model's name has nowhere to be shown as loading
  return isMachineTrouble(err) && modelNameSchema.safeParse(what.name).success
    ? { ...nothing, unread: [{ ...what, reason: err.message }] }
    : { ...nothing, refused: [{ ...what, reason: `can't be read: ${err.message}` }] }
}

const nothing: ModelRepository = { definitions: [], refused: [], unread: [] }

const allOf = (found: ModelRepository[]): ModelRepository => ({
  definitions: found.flatMap(({ definitions }) => definitions),
  refused: found.flatMap(({ refused }) => refused),
  unread: found.flatMap(({ unread }) => unread),
})

const readModel = async ({ name, dir, others, only, rule }: Folder): Promise<ModelRepository> => {
  const yamlPath = join(dir, 'model.yaml')
  const hasYaml = await isThere(yamlPath)
  const isFlat = await isFile(join(dir, 'model.onnx'))
  const versions = await listVersions(dir)
  const isModel = isFlat || versions.length > 0
  const misnamed = isModel ? undefined : await findMisnamedModel(dir)
  if (!isModel && !hasYaml && misnamed === undefined) return nothing
  const validName = modelNameSchema.safeParse(name)
  if (!validName.success) {
    const rule = validName.error.issues[0]?.message
    const better = nameLike(name)
    // that of another folder is not to be refused: then only the log tells
    if (better === undefined || others.includes(better))
      return refuse(name, `${name} can't be a model's name: ${rule}`)
    return refuse(better, `the folder "${name}" can't be a model's name: ${rule}; rename it to ${better}`)
  }
  if (misnamed !== undefined) return refuse(name, `no model.onnx: rename ${name}/${misnamed} to model.onnx`)
  if (!isModel)
    return refuse(name, `no model.onnx: put one beside ${name}/model.yaml or into ${name}/<version>/`)
  if (!hasYaml && (await isFile(join(dir, 'model.yml'))))
    return refuse(name, 'model.yml is not read: rename it to model.yaml')
  if (isFlat && versions.length > 0) {
    return refuse(
      name,
      `has both model.onnx and ${versions[0]?.version}/model.onnx: move the first into a version folder too`,
    )
  }
  const all = isFlat ? [{ version: '1', dir }] : versions
  const forbidden = await findForbidden([dir, yamlPath], rule)
  if (forbidden !== undefined) return refuse(name, forbidden)
  const yaml = await readBytes(yamlPath)
  const wanted = all.filter(({ version }) => only === undefined || version === only)
  return readVersions({ name, dir, yaml, versions: wanted, rule })
}

const refuse = (name: string, reason: string): ModelRepository => ({
  ...nothing,
  refused: [{ name, reason }],
})

const readVersions = async ({
  versions,
  yaml,
  ...model
}: {
  name: string
  dir: string
  yaml: Buffer | undefined
  versions: Version[]
  rule: LinkRule
}): Promise<ModelRepository> => {
  const settings = readSettings(yaml)
  const found: ModelRepository[] = []
  for (const version of versions) {
    const { name } = model
    const read = readVersion({ ...model, version, settings })
    found.push(await read.catch((err: unknown) => notRead({ name, version: version.version }, err)))
  }
  return allOf(found)
}

const readVersion = async ({
  name,
  dir,
  version: { version, dir: versionDir },
  settings,
  rule,
}: {
  name: string
  dir: string
  version: Version
  settings: ReturnType<typeof readSettings>
  rule: LinkRule
}): Promise<ModelRepository> => {
  // before any of it is read
  const entries = await listEntries(versionDir, { deep: versionDir !== dir })
  const forbidden = await findForbidden([versionDir, ...entries], rule)
  if (forbidden !== undefined) return { ...nothing, refused: [{ name, version, reason: forbidden }] }
  const found = { name, version, digest: await versionDigest({ name, modelDir: dir, versionDir }) }
  if ('reason' in settings) return { ...nothing, refused: [{ ...found, reason: settings.reason }] }
  const reason = whyNoVersion(version)
  if (reason !== undefined) return { ...nothing, refused: [{ ...found, reason }] }
  const onnxPath = join(versionDir, 'model.onnx')
  return { ...nothing, definitions: [{ ...found, dir, onnxPath, settings: settings.settings }] }
}

const readSettings = (yaml: Buffer | undefined): { settings: ModelSettings } | { reason: string } => {
  try {
    return { settings: readModelSettings(yaml ? decode(yaml) : '') }
  } catch (err) {
    if (err instanceof Refusal) return { reason: err.message }
    throw err
  }
}

/** Labels in the encoding of a Windows editor would become other labels. */
const decode = (yaml: Buffer) => {
  const text = yaml.toString()
  if (isUtf8(yaml)) return text
  const line = text.slice(0, text.indexOf('\ufffd')).split('\n').length
  throw new Refusal(`model.yaml:${line}: is not UTF-8; save it as UTF-8`)
}

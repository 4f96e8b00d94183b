import { join, resolve } from 'node:path'
import { modelNameSchema } from '../../packages/shared/src/contract/model-name.ts'
import { isFile, listFolders, readBytes } from '../../apps/worker/src/repository/look-at-files.ts'
import { whyNoVersion } from '../../apps/worker/src/repository/read-model-repository.ts'
import { nameLike } from '../../apps/worker/src/repository/name-like.ts'
import { CommandError } from '../commands/command-error.ts'

/** Where a new version comes to be. */
export type Place = {
  name: string
  /** undefined where the model has one version only, without a folder of its own */
  version: string | undefined
  /** the folder of the model */
  modelDir: string
  /** the folder of the version, which is not there yet */
  versionDir: string
  /** whether the model is there already, with other versions */
  isKnown: boolean
  /** that of the model, where it is there already */
  modelYaml: Buffer | undefined
}

/** Chooses the place of a model, as the repository has it. Rejects with a CommandError where there is something, or it may not have its name. */
export const choosePlace = async (options: {
  modelsDir: string
  name: string
  version: string | undefined
}): Promise<Place> => {
  const { modelsDir, name, version } = options
  checkNames(name, version)
  const modelDir = join(resolve(modelsDir), name)
  const versionDir = version === undefined ? modelDir : join(modelDir, version)
  const folders = await listFolders(modelDir).catch(() => undefined)
  const place = { name, version, modelDir, versionDir }
  if (folders === undefined) return { ...place, isKnown: false, modelYaml: undefined }
  await checkTaken(place, folders)
  return { ...place, isKnown: true, modelYaml: await readBytes(join(modelDir, 'model.yaml')) }
}

const checkNames = (name: string, version: string | undefined) => {
  const rule = modelNameSchema.safeParse(name).error?.issues[0]?.message
  if (rule !== undefined) {
    const better = nameLike(name)
    throw new CommandError(
      `"${name}" can't be a model's name: ${rule}${better === undefined ? '' : `; --name ${better} would do`}.`,
    )
  }
  const reason = version === undefined ? undefined : whyNoVersion(version)
  if (reason !== undefined) throw new CommandError(`${reason}.`)
}

const checkTaken = async (
  { name, version, modelDir, versionDir }: Omit<Place, 'isKnown' | 'modelYaml'>,
  folders: string[],
) => {
  if (await isFile(join(modelDir, 'model.onnx'))) {
    throw new CommandError(
      `there is a model ${name} already, in ${modelDir}: ` +
        `to add a version to it, move its model.onnx (and the files of its weights) into a folder ${join(modelDir, '1')}, and type the command again with --version 2.`,
    )
  }
  if (version === undefined) {
    throw new CommandError(
      `there is a folder ${modelDir} already: add another version of ${name} with --version, or take another --name.`,
    )
  }
  if (folders.includes(version)) {
    throw new CommandError(
      `there is a version ${version} of ${name} already, in ${versionDir}: take another --version.`,
    )
  }
}

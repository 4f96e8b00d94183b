import { cp, copyFile, mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

/** A model as it is to be in a repository: a folder under a name, perhaps with a `model.yaml` of its own. */
export type AddedModel = { name: string; folder: string; settings?: string | undefined }

/** Adds a copy of a model to a model repository: links out of one are not followed. */
export const addModel = async (repository: string, { name, folder, settings }: AddedModel) => {
  const place = join(repository, name)
  if (settings === undefined) return cp(folder, place, { recursive: true })
  await mkdir(place)
  await copyFile(join(folder, 'model.onnx'), join(place, 'model.onnx'))
  await writeFile(join(place, 'model.yaml'), settings)
}

import { join } from 'node:path'
import { compareVersions } from '@onqueue/shared'
import { isFile, listFolders } from './look-at-files.ts'

export type Version = { version: string; dir: string }

/** The version folders of a model, in ascending order, as numbers where they are numbers. */
export const listVersions = async (dir: string): Promise<Version[]> => {
  const folders = await listFolders(dir)
  const found = await Promise.all(folders.map((folder) => isFile(join(dir, folder, 'model.onnx'))))
  return folders
    .filter((_, index) => found[index])
    .sort(compareVersions)
    .map((version) => ({ version, dir: join(dir, version) }))
}

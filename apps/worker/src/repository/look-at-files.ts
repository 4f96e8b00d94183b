import { readFile, readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { isMachineTrouble } from '../machine-trouble.ts'

// What is there of a repository. What can't be looked at is not there, unless the machine is to blame: then these reject.

/** Names of the folders in a folder, and of links to folders, but not hidden ones. */
export const listFolders = async (dir: string): Promise<string[]> => {
  const names = (await readdir(dir)).filter((name) => !name.startsWith('.')).sort()
  const isFolder = await Promise.all(
    names.map(async (name) => (await statOf(join(dir, name)))?.isDirectory()),
  )
  return names.filter((_, index) => isFolder[index])
}

/** Names of ONNX files in a folder, whatever they are called. */
export const listOnnxFiles = async (dir: string): Promise<string[]> =>
  (await readdir(dir).catch(noneUnlessMachine)).filter((name) => /^[^.].*\.onnx$/i.test(name)).sort()

const noneUnlessMachine = (err: unknown) => {
  if (isMachineTrouble(err)) throw err
  return []
}

export const isFile = async (path: string) => (await statOf(path))?.isFile() ?? false

/** Whatever it is. */
export const isThere = async (path: string) => (await statOf(path)) !== undefined

const statOf = (path: string) =>
  stat(path).catch((err: unknown) => {
    if (isMachineTrouble(err)) throw err
    return undefined
  })

/** Undefined where there is no such file. */
export const readBytes = async (path: string) => ((await statOf(path)) ? await readFile(path) : undefined)

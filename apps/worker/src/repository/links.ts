import { readdir, realpath, stat } from 'node:fs/promises'
import { join, relative, resolve, sep } from 'node:path'
import { isMachineTrouble } from '../machine-trouble.ts'

/**
 * Which links of a repository are followed. Volumes of Kubernetes and caches of Hugging Face are made of links, so those that stay in the
 * repository are; one that leads out of it could have any file of the machine read, and has to stay below a folder that the
 * operator named.
 */
export type LinkRule = {
  /** as people know it: links are told relative to it */
  root: string
  /** real paths, below one of which everything has to be */
  within: string[]
}

export const readLinkRule = async (root: string, links: readonly string[]): Promise<LinkRule> => {
  const folders = await Promise.all([root, ...links.map((link) => resolve(link))].map(realPathOf))
  return { root, within: folders.filter((path) => path !== undefined) }
}

/** Why one of these may not be read, as a sentence; undefined where all may. What is not there does not matter. */
export const findForbidden = async (
  paths: readonly string[],
  { root, within }: LinkRule,
): Promise<string | undefined> => {
  for (const path of paths) {
    const real = await realPathOf(path)
    if (real === undefined) continue
    const name = relative(root, path)
    if (!within.some((folder) => isBelow(real, folder))) {
      return `${name} is a link to ${real}, out of the models folder: copy what is there, or allow it with ONQUEUE_MODELS_LINKS`
    }
    const found = await stat(real)
    if (!found.isFile() && !found.isDirectory()) return `${name} is no file: take it out of the models folder`
  }
  return undefined
}

/** What lies in a folder and, where asked for, in those below it. */
export const listEntries = async (dir: string, { deep }: { deep: boolean }): Promise<string[]> =>
  (await readdir(dir, { recursive: deep })).map((name) => join(dir, name))

const realPathOf = (path: string) =>
  realpath(path).catch((err: unknown) => {
    if (isMachineTrouble(err)) throw err
    return undefined
  })

const isBelow = (path: string, folder: string) =>
  path === folder || path.startsWith(folder.endsWith(sep) ? folder : folder + sep)

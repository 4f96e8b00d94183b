import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { readdir } from 'node:fs/promises'
import { join, relative, sep } from 'node:path'
import { pipeline } from 'node:stream/promises'

/**
 * The version id: sha256 over the model's name, the bytes of `model.yaml`, and path and sha256 of each file of the
 * version.
 *
 * Files of a version are all in its folder, since weights outside the `.onnx` may have any name; but not what only
 * people read or what made the model. In the folder of a model without version folders, subfolders don't count.
 */
const notServed =
  /^(\.|readme|licen[cs]e|requirements.*\.txt$|golden\.json$|model\.yaml$|__pycache__$)|\.(md|py|ipynb)$/i

export const versionDigest = async (options: {
  name: string
  modelDir: string
  versionDir: string
}): Promise<string> => {
  const { name, modelDir, versionDir } = options
  const paths = await listFiles(versionDir, { recursive: versionDir !== modelDir })
  const files = await Promise.all(
    paths.map(async (path) => [relative(modelDir, path).split(sep).join('/'), await fileDigest(path)]),
  )
  const yaml = await fileDigest(join(modelDir, 'model.yaml'))
  return createHash('sha256')
    .update(JSON.stringify([name, yaml, files]))
    .digest('hex')
}

const listFiles = async (dir: string, { recursive }: { recursive: boolean }): Promise<string[]> => {
  const entries = (await readdir(dir, { withFileTypes: true })).filter((entry) => !notServed.test(entry.name))
  const nested = entries
    .toSorted((a, b) => (a.name < b.name ? -1 : 1))
    .map(async (entry) => {
      const path = join(dir, entry.name)
      if (entry.isDirectory()) return recursive ? listFiles(path, { recursive }) : []
      return [path]
    })
  return (await Promise.all(nested)).flat()
}

/** sha256 of a file's bytes; null where there is no such file. */
const fileDigest = async (path: string): Promise<string | null> => {
  const hash = createHash('sha256')
  try {
    await pipeline(createReadStream(path), hash)
  } catch (err) {
    if (err instanceof Error && 'code' in err && err.code === 'ENOENT') return null
    throw err
  }
  return hash.digest('hex')
}

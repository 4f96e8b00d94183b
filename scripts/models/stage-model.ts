import { randomUUID } from 'node:crypto'
import { constants } from 'node:fs'
import { copyFile, mkdir, rename, rm, writeFile } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { CommandError, systemCodeOf } from '../commands/command-error.ts'

/**
 * A model on its way into the repository: in a hidden folder beside the others, which no worker reads, so that the last step
 * is a rename and there is never half a model. What was not moved is gone at the end.
 */
export type StagedModel = AsyncDisposable & {
  dir: string
  copy(file: string, path: string): Promise<void>
  write(path: string, text: string | Uint8Array): Promise<void>
  /** Becomes this folder. What came to be there meanwhile is not overwritten. */
  moveTo(target: string): Promise<void>
}

/** Rejects with a CommandError, as its functions do, where the repository can't be written to. */
export const stageModel = async ({
  modelsDir,
  name,
}: {
  modelsDir: string
  name: string
}): Promise<StagedModel> => {
  const dir = join(resolve(modelsDir), `.adding-${name}-${randomUUID().slice(0, 8)}`)
  await explained(modelsDir, mkdir(dir, { recursive: true }))
  return {
    dir,
    copy: async (file, path) => {
      const copy = join(dir, path)
      await explained(modelsDir, mkdir(dirname(copy), { recursive: true }))
      await explained(modelsDir, copyFile(file, copy, constants.COPYFILE_FICLONE))
    },
    write: async (path, text) => {
      const file = join(dir, path)
      await explained(modelsDir, mkdir(dirname(file), { recursive: true }))
      await explained(modelsDir, writeFile(file, text))
    },
    moveTo: async (target) => {
      await explained(modelsDir, rename(dir, target))
    },
    [Symbol.asyncDispose]: () => rm(dir, { recursive: true, force: true }),
  }
}

const explained = async <Result>(modelsDir: string, done: Promise<Result>): Promise<Result> => {
  try {
    return await done
  } catch (err) {
    const code = systemCodeOf(err)
    if (code === undefined) throw err
    if (code === 'ENOTEMPTY' || code === 'EEXIST') {
      throw new CommandError('there is a model of this name meanwhile: take another --name or --version.', {
        cause: err,
      })
    }
    throw new CommandError(
      `the model can't be put into ${modelsDir} (${code}): make it a folder with room that you may write to, or set ONQUEUE_MODELS_DIR to another one.`,
      { cause: err },
    )
  }
}

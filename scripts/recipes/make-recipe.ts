import { execFile } from 'node:child_process'
import { mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { ensureVenv } from './ensure-venv.ts'
import { recipesFolder } from './recipes.ts'
import type { Recipe } from './recipes.ts'

/** Venvs, and the models that recipes make in them. */
const cache = join(import.meta.dirname, '../../.cache/recipes')
export const madeFolder = join(cache, 'models')

const run = promisify(execFile)
const runLimitMs = 5 * 60_000

/** Runs a recipe in its venv, which it makes where it is not there as its requirements say. Leaves a model's folder in `madeFolder`. */
export const makeRecipe = async ({ name, requirements }: Recipe) => {
  const python = await ensureVenv({
    venv: join(cache, requirements.replace(/^requirements-|\.txt$/g, '')),
    requirements: join(recipesFolder, requirements),
  })
  const folder = join(madeFolder, name)
  await rm(folder, { recursive: true, force: true })
  await mkdir(folder, { recursive: true })
  await run(python, [join(recipesFolder, name, 'make.py')], {
    timeout: runLimitMs,
    env: {
      ...process.env,
      RECIPE_FOLDER: folder,
      PYTHONPATH: join(recipesFolder, 'support'),
      // where it is set, each recipe would compile scikit-learn anew, which takes five seconds
      PYTHONDONTWRITEBYTECODE: '',
    },
  })
}

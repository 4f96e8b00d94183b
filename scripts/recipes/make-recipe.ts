import { execFile } from 'node:child_process'
import { cp, mkdir, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { recipesFolder } from './recipes.ts'
import type { Recipe } from './recipes.ts'

/** Venvs, and the models that recipes make in them. */
const cache = join(import.meta.dirname, '../../.cache/recipes')
export const madeFolder = join(cache, 'models')

const run = promisify(execFile)
/** PyTorch is more than a gigabyte. */
const installLimitMs = 20 * 60_000
const runLimitMs = 5 * 60_000

/** There is no venv to be had: no Python that is new enough, or no package registry. */
export class NoVenv extends Error {
  override readonly name = 'NoVenv'
}

/** Runs a recipe in its venv, which it makes where it is not there as its requirements say. Leaves a model's folder in `madeFolder`. */
export const makeRecipe = async ({ name, requirements }: Recipe) => {
  const python = await ensureVenv(requirements)
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

const ensureVenv = async (requirements: string) => {
  const venv = join(cache, requirements.replace(/^requirements-|\.txt$/g, ''))
  const wanted = join(recipesFolder, requirements)
  const installed = join(venv, 'requirements.txt')
  const python = join(venv, 'bin/python')
  const text = await readFile(wanted, 'utf8')
  if ((await readFile(installed, 'utf8').catch(() => undefined)) === text) return python
  await rm(venv, { recursive: true, force: true })
  try {
    await run('python3', ['-c', 'import sys; sys.exit(sys.version_info < (3, 11))'])
    await run('python3', ['-m', 'venv', venv], { timeout: runLimitMs })
    // all of them are listed, and to compile what is never imported takes longer than to install it
    const flags = ['--quiet', '--no-deps', '--no-compile', '--disable-pip-version-check']
    await run(python, ['-m', 'pip', 'install', ...flags, '-r', wanted], { timeout: installLimitMs })
  } catch (err) {
    await rm(venv, { recursive: true, force: true })
    throw new NoVenv(`no Python 3.11 or newer with the packages of recipes/${requirements}`, { cause: err })
  }
  await cp(wanted, installed)
  return python
}

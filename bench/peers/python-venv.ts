import { execFile } from 'node:child_process'
import { copyFile, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'

const run = promisify(execFile)
const root = join(import.meta.dirname, '../..')
const installMs = 600_000

/**
 * The folder of programs of a Python environment that has what a file in `programs/` pins. It is made under `.cache/peers/`,
 * anew when the pins have changed. Throws an `Error` that says why there can't be one.
 */
export const openPythonVenv = async (requirements: string): Promise<string> => {
  await run('python3', ['-c', 'import sys; sys.exit(sys.version_info < (3, 10))']).catch((err: unknown) => {
    throw new Error('no Python 3.10 or newer here', { cause: err })
  })
  const pins = join(import.meta.dirname, 'programs', requirements)
  const venv = join(root, '.cache/peers', requirements.replace('.txt', ''))
  const bin = join(venv, 'bin')
  const installedPins = join(venv, 'requirements.txt')
  if ((await readText(pins)) === (await readText(installedPins))) return bin

  console.error(`installing the Python packages of ${requirements} …`)
  await rm(venv, { recursive: true, force: true })
  try {
    await run('python3', ['-m', 'venv', venv])
    await run(join(bin, 'pip'), ['install', '-q', '--no-deps', '-r', pins], { timeout: installMs })
  } catch (err) {
    throw new Error('its Python packages could not be installed', { cause: err })
  }
  await copyFile(pins, installedPins)
  return bin
}

const readText = (file: string) => readFile(file, 'utf8').catch(() => undefined)

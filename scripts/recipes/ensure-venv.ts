import { execFile } from 'node:child_process'
import { cp, readFile, rm } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { promisify } from 'node:util'
import { isRegistryAway } from './is-registry-away.ts'

const run = promisify(execFile)
/** PyTorch is more than a gigabyte. */
const installLimitMs = 20 * 60_000
const venvLimitMs = 5 * 60_000

// all of them are listed, and to compile what is never imported takes longer than to install it; without retries nothing is said of
// a registry that is away
const pipFlags = ['--quiet', '--no-deps', '--no-compile', '--disable-pip-version-check', '--retries=3']

/** There is no venv to be had here: no Python that is new enough, or no package registry. */
export class NoVenv extends Error {
  override readonly name = 'NoVenv'
}

/**
 * A venv with these packages, which is made where it is not there or has others. Resolves to its Python. Rejects with `NoVenv`,
 * or with another error where what is required can't be installed though there is a registry.
 */
export const ensureVenv = async ({ venv, requirements }: { venv: string; requirements: string }) => {
  const installed = join(venv, 'requirements.txt')
  const python = join(venv, 'bin/python')
  const text = await readFile(requirements, 'utf8')
  if ((await readFile(installed, 'utf8').catch(() => undefined)) === text) return python
  await rm(venv, { recursive: true, force: true })
  try {
    await makeVenv(venv)
    await install(python, requirements)
  } catch (err) {
    await rm(venv, { recursive: true, force: true })
    throw err
  }
  await cp(requirements, installed)
  return python
}

const makeVenv = async (venv: string) => {
  try {
    await run('python3', ['-c', 'import sys; sys.exit(sys.version_info < (3, 11))'])
    await run('python3', ['-m', 'venv', venv], { timeout: venvLimitMs })
  } catch (err) {
    throw new NoVenv('there is no Python 3.11 or newer that makes venvs', { cause: err })
  }
}

const install = async (python: string, requirements: string) => {
  try {
    await run(python, ['-m', 'pip', 'install', ...pipFlags, '-r', requirements], { timeout: installLimitMs })
  } catch (err) {
    const printed = err instanceof Error && 'stderr' in err ? String(err.stderr) : String(err)
    if (isRegistryAway(printed))
      throw new NoVenv(`no package registry could be reached for ${basename(requirements)}`, { cause: err })
    const [last = 'pip said nothing'] = printed.match(/^ERROR: .*$/gm)?.slice(-1) ?? []
    throw new Error(`${basename(requirements)} can't be installed (${last.replace('ERROR: ', '')})`, {
      cause: err,
    })
  }
}

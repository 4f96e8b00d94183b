import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect, onTestFinished, test, vi } from 'vitest'
import { ensureVenv, NoVenv } from './ensure-venv.ts'

const hasPython = await promisify(execFile)('python3', [
  '-c',
  'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))',
]).then(
  () => true,
  () => false,
)

/** A registry with one version of one package. Resolves to its address. */
const startRegistry = async () => {
  const page = '<!DOCTYPE html><a href="/pinned-1.0-py3-none-any.whl">pinned-1.0-py3-none-any.whl</a>'
  const server = createServer((request, response) => {
    response.writeHead(request.url === '/simple/pinned/' ? 200 : 404, { 'content-type': 'text/html' })
    response.end(page)
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('it listens nowhere')
  const close = () => new Promise<void>((resolve) => server.close(() => resolve()))
  return { url: `http://127.0.0.1:${address.port}/simple/`, close }
}

/** A venv is made of thousands of files: what takes seconds at rest takes minutes on a busy machine. */
const patience = { timeout: 300_000 }

/** Installs from a registry, and from nothing else that the machine may know of. */
const installFrom = async (url: string, requirement: string) => {
  const dir = await mkdtemp(join(tmpdir(), 'onqueue-venv-'))
  onTestFinished(() => rm(dir, { recursive: true }))
  const requirements = join(dir, 'requirements-some.txt')
  await writeFile(requirements, `${requirement}\n`)
  onTestFinished(() => void vi.unstubAllEnvs())
  vi.stubEnv('PIP_CONFIG_FILE', '/dev/null')
  vi.stubEnv('PIP_INDEX_URL', url)
  for (const name of ['PIP_FIND_LINKS', 'PIP_EXTRA_INDEX_URL', 'PIP_NO_INDEX']) vi.stubEnv(name, undefined)
  vi.stubEnv('NO_PROXY', '127.0.0.1')
  const venv = join(dir, 'venv')
  const err: unknown = await ensureVenv({ venv, requirements }).catch((reason: unknown) => reason)
  return { err, isThere: existsSync(venv) }
}

test.skipIf(!hasPython)(
  'a pin that the registry lacks is an error with what pip says of it',
  patience,
  async () => {
    const registry = await startRegistry()
    onTestFinished(registry.close)

    expect(await installFrom(registry.url, 'pinned==2.0')).toEqual({
      err: new Error(
        "requirements-some.txt can't be installed (No matching distribution found for pinned==2.0)",
      ),
      isThere: false,
    })
  },
)

test.skipIf(!hasPython)('where no registry can be reached there is no venv', patience, async () => {
  const { url, close } = await startRegistry()
  await close()

  expect(await installFrom(url, 'pinned==1.0')).toEqual({
    err: new NoVenv('no package registry could be reached for requirements-some.txt'),
    isThere: false,
  })
})

test('where there is no Python there is no venv', async () => {
  vi.stubEnv('PATH', '/nowhere')

  expect(await installFrom('http://127.0.0.1:9', 'pinned==1.0')).toEqual({
    err: new NoVenv('there is no Python 3.11 or newer that makes venvs'),
    isThere: false,
  })
})

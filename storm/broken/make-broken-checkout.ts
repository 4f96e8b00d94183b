import { cp, mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { toClose } from '../../bench/processes/closing.ts'
import type { BrokenBuild } from './broken-builds.ts'

const root = join(import.meta.dirname, '../..')
const sources = ['apps', 'packages', 'package.json']
/** The workspaces in node_modules: links, which have to lead to the copies. */
const ownScope = '@onqueue'

/** Copies what the apps are made of, and breaks the copy. */
export const makeBrokenCheckout = async ({ file, text, replacement }: BrokenBuild) => {
  const checkout = await mkdtemp(join(tmpdir(), 'onqueue-broken-'))
  await Promise.all(
    sources.map((source) => cp(join(root, source), join(checkout, source), { recursive: true })),
  )
  await linkPackages(checkout)
  const broken = join(checkout, file)
  await writeFile(
    broken,
    (await readFile(broken, 'utf8')).replace(text, () => replacement),
  )
  return { checkout, close: toClose(() => rm(checkout, { recursive: true, force: true })) }
}

const linkPackages = async (checkout: string) => {
  const installed = await readdir(join(root, 'node_modules'))
  const own = await readdir(join(root, 'node_modules', ownScope))
  const link = (name: string, target: string) => symlink(target, join(checkout, 'node_modules', name))
  await mkdir(join(checkout, 'node_modules', ownScope), { recursive: true })
  await Promise.all([
    ...installed
      .filter((name) => name !== ownScope)
      .map((name) => link(name, join(root, 'node_modules', name))),
    ...own.map((name) =>
      link(join(ownScope, name), join(checkout, name === 'shared' ? 'packages' : 'apps', name)),
    ),
  ])
}

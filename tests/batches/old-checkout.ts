import { execFile } from 'node:child_process'
import { mkdir, mkdtemp, readdir, rm, symlink } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { root } from '../support/stack.ts'

const run = promisify(execFile)
/** Workspaces in node_modules: links, which have to lead to the checkout's own. */
const ownScope = '@onqueue'

/** What apps are made of as it was at a commit, with the packages of today. */
export const makeOldCheckout = async (commit: string) => {
  const checkout = await mkdtemp(join(tmpdir(), 'onqueue-old-'))
  const archive = join(checkout, 'archive.tar')
  await run('git', ['-C', root, 'archive', '-o', archive, commit, 'apps', 'packages', 'package.json'])
  await run('tar', ['-xf', archive, '-C', checkout])
  const modules = join(checkout, 'node_modules')
  await mkdir(join(modules, ownScope), { recursive: true })
  for (const name of await readdir(join(root, 'node_modules')))
    if (name !== ownScope) await symlink(join(root, 'node_modules', name), join(modules, name))
  for (const app of await readdir(join(checkout, 'apps')))
    await symlink(join(checkout, 'apps', app), join(modules, ownScope, app))
  await symlink(join(checkout, 'packages/shared'), join(modules, ownScope, 'shared'))
  return { checkout, remove: () => rm(checkout, { recursive: true, force: true }) }
}

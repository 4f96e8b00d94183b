import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { withFolderLock } from '../../bootstrap/presence.mjs'
import { messageOf } from '../../bootstrap/setup-error.mjs'
import type { RedisLog } from '../redis-log.ts'
import type { RedisServer } from '../redis-server.ts'
import type { RedisSettings } from '../redis-settings.ts'
import { findOnPath } from '../run-program.ts'
import { fetchPackages, readFetched } from './fetch-packages.ts'
import { launchProgram } from './launch-program.ts'
import { readOsRelease } from './os-release.ts'

/** Starts the Redis of the distribution's own packages, fetched once into `cacheDir` without being installed. */
export const startFromPackages = async (
  settings: RedisSettings,
  { env, log, cacheDir }: { env: NodeJS.ProcessEnv; log: RedisLog; cacheDir: string },
): Promise<RedisServer> => {
  for (const tool of ['apt-get', 'dpkg-deb']) {
    if (findOnPath(tool, env.PATH) === undefined) throw new Error(`no ${tool}`)
  }
  const { ID, VERSION_ID, VERSION_CODENAME } = readOsRelease()
  const folder = join(cacheDir, `${ID}-${VERSION_ID ?? VERSION_CODENAME}-${process.arch}`)

  const cached = readFetched(folder)
  if (cached !== undefined) {
    try {
      return await launchProgram(cached, settings)
    } catch (err) {
      // it ran once: a library of the system may have gone since
      log.debug(`${messageOf(err)}; fetching it anew`)
      rmSync(folder, { recursive: true, force: true })
    }
  }

  const program = await withFolderLock(
    join(cacheDir, 'fetching'),
    async () => readFetched(folder) ?? (await fetchPackages(folder, { log })),
    { onWait: () => log.info('another start is fetching it; waiting') },
  )
  return launchProgram(program, settings)
}

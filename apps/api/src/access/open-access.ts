import type { Logger } from '@onqueue/shared'
import type { DialectOfPath, OpenPaths } from '../http/dialect.ts'
import { createAuth } from './auth.ts'
import { openKeyRing } from './key-ring.ts'
import { checkListenAddress, createLoopbackGuard } from './loopback-guard.ts'

/** Who may call. */
export type Access = ReturnType<typeof openAccess>

/**
 * Opens the key ring. Throws a ConfigError, one sentence, when the keys can't be read or everybody in the network could
 * use this server.
 */
export const openAccess = ({
  keysText,
  keysFile,
  host,
  allowAnonymous,
  log,
}: {
  keysText: string | undefined
  keysFile: string
  /** the address that the API listens on */
  host: string
  allowAnonymous: boolean
  log: Pick<Logger, 'info' | 'error'>
}) => {
  const keys = openKeyRing({ keysText, file: keysFile, log })
  checkListenAddress({ host, hasKeys: keys.isKeyNeeded(), allowAnonymous })

  return {
    isKeyNeeded: () => keys.isKeyNeeded(),
    hasKey: (owner: string, keyId: string) => keys.hasKey(owner, keyId),
    /** What lets a request in, or throws. `routes` are all that the app has. */
    wayIn: ({
      dialectOf,
      routes,
      isPage,
      publicUrl,
      corsOrigins,
    }: {
      dialectOf: DialectOfPath
      routes: readonly OpenPaths[]
      isPage: (path: string) => boolean
      publicUrl: string
      /** web pages that the operator lets in */
      corsOrigins: readonly string[]
    }) => ({
      loopbackGuard: createLoopbackGuard({
        isActive: () => !keys.isKeyNeeded(),
        isProbe: (path) => routes.some((some) => some.isProbe(path)),
        isPage,
        publicUrl,
        allowAnonymous,
        corsOrigins,
      }),
      findCaller: createAuth({ keys, dialectOf, isOpen: (path) => routes.some((some) => some.isOpen(path)) }),
    }),
  }
}

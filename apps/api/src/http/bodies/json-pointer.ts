import type { ErrorPlace } from '@onqueue/shared'

/** A JSON Pointer (RFC 6901) to `path` below `base`, which is a pointer itself; `''` is the whole document. */
export const jsonPointer = (base: string, path: readonly PropertyKey[]) =>
  path.reduce<string>((pointer, key) => `${pointer}/${escapeToken(String(key))}`, base)

/** A place in a sentence: `/features/2 expected number`. */
export const describePlace = ({ pointer, detail }: ErrorPlace) => `${pointer} ${detail}`.trim()

const escapeToken = (token: string) => token.replaceAll('~', '~0').replaceAll('/', '~1')

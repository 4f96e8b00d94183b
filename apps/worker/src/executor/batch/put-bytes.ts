import type { Storage } from '@onqueue/shared/storage'

/** Puts what is in memory as a whole. */
export const putBytes = (storage: Pick<Storage, 'put'>, name: string, bytes: Buffer): Promise<number> =>
  storage.put(name, oneOf(bytes))

const oneOf = async function* (bytes: Buffer) {
  yield bytes
}

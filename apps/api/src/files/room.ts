import { storageFull } from '@onqueue/shared'
import type { Storage } from '@onqueue/shared'

/**
 * Room in the storage for uploads that are under way in this process. What they are still to bring is taken, though the disk does
 * not know it yet: of ten that come at once, each of which fits, ten may not.
 */
export class Room {
  readonly #minFreeBytes: number
  #expected = 0

  constructor(minFreeBytes: number) {
    this.#minFreeBytes = minFreeBytes
  }

  /** The part of an upload, until it is disposed of. */
  enter(storage: Pick<Storage, 'freeBytes'>) {
    let own = 0
    /** So many bytes are still to come. */
    const expect = (bytes: number) => {
      this.#expected += bytes - own
      own = bytes
    }
    return {
      expect,
      /** Has room for so many bytes that are still to come. Throws `storage_full` where there is too little beside all others. */
      need: async (bytes: number) => {
        const freeBytes = await storage.freeBytes()
        const others = this.#expected - own
        if (freeBytes - others - bytes < this.#minFreeBytes) throw storageFull()
        expect(bytes)
      },
      [Symbol.dispose]: () => expect(0),
    }
  }
}

import type { Storage } from '@onqueue/shared/storage'

/**
 * What is put into the storage piece by piece, as it is made: a piece is written while the next one is made, and no more than
 * those two are held.
 */
export class Part {
  readonly #done: Promise<number>
  #offer = Promise.withResolvers<Offer>()

  constructor(storage: Pick<Storage, 'put'>, name: string) {
    this.#done = storage.put(name, this.#pieces())
    // whoever writes or ends it is told
    this.#done.catch(() => undefined)
  }

  /** Resolves when the pieces before are written. Rejects where the storage can't do it. */
  async write(bytes: Uint8Array) {
    const taken = Promise.withResolvers<void>()
    this.#offer.resolve({ bytes, taken: taken.resolve })
    await Promise.race([taken.promise, this.#done])
  }

  /** Resolves when all of it is in the storage. */
  async end() {
    this.#offer.resolve('end')
    await this.#done
  }

  /** Leaves nothing of it, unless it was ended. */
  async drop() {
    this.#offer.resolve('drop')
    await this.#done.catch(() => undefined)
  }

  async *#pieces() {
    for (;;) {
      const offer = await this.#offer.promise
      if (offer === 'end') return
      if (offer === 'drop') throw new Error('the rest of it is not made')
      this.#offer = Promise.withResolvers<Offer>()
      offer.taken()
      yield offer.bytes
    }
  }
}

type Offer = { bytes: Uint8Array; taken: () => void } | 'end' | 'drop'

import type { Readable } from 'node:stream'
import type { ReusedBuffers } from './reused-buffers.ts'

/**
 * Where bytes lie that are too many for Redis. Six verbs and no more, so that a disk can do it and a store of objects too:
 * nothing is renamed, appended to or locked, and what lies there is never changed.
 *
 * A name is made by us, of parts with slashes between them (`files/file-01…/content`); a prefix is a name up to one of its
 * slashes, with the slash. Nothing that a caller gives is part of a name.
 *
 * All of them throw `storage_unavailable` where the storage can't do what it is asked, and `put` throws `storage_full`.
 */
export type Storage = {
  /** Two processes that read the same id have the same storage. */
  id: string
  /**
   * Keeps all that a source gives under a name, and resolves to how many bytes that was. It is there as a whole or not at
   * all: a source that throws leaves nothing, and its error is the one that is thrown. Where the name is taken, the last one
   * that is done counts; so only the same bytes may be put twice.
   */
  put(name: string, source: AsyncIterable<Uint8Array>): Promise<number>
  /** Opens some of the bytes. They have to be there: what lies there has its size from `size`. Whoever opens destroys. Chunks are of `buffers`, where they are given. */
  openRange(name: string, range: ByteRange, buffers?: ReusedBuffers): Promise<Readable>
  /** Bytes; undefined where there is nothing under the name. */
  size(name: string): Promise<number | undefined>
  /** The names that begin with a prefix, in no order. */
  list(prefix: string): AsyncIterable<string>
  /** Removes all that begins with a prefix, what is still being put there included. Nothing to remove is no error. */
  remove(prefix: string): Promise<void>
  /** How many bytes more there is room for. */
  freeBytes(): Promise<number>
}

/** Bytes from `start` up to and without `end`. */
export type ByteRange = { start: number; end: number }

const part = String.raw`[A-Za-z0-9_][A-Za-z0-9._-]*`
const namePattern = new RegExp(`^${part}(/${part})*$`)
const prefixPattern = new RegExp(`^(${part}/)+$`)

/** Throws where a name was not made by us. */
export const checkName = (name: string) => {
  if (!namePattern.test(name)) throw new Error('not a name in the storage')
}

export const checkPrefix = (prefix: string) => {
  if (!prefixPattern.test(prefix)) throw new Error('not a prefix in the storage')
}

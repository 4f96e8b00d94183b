/** The storage, for processes that load nothing else of this package: no Redis, no zod. */
export { openLocalStorage } from './storage-local.ts'
export { bytesOfSegments, openSegments } from './segments.ts'
export type { Segment } from './segments.ts'
export type { ByteRange, Storage } from './storage.ts'

import { decodeTime, ulid } from 'ulid'

const start = 'file-'

/** A new file id, made `now` (ms since the epoch): ids sort by the time of their creation. */
export const newFileId = (now: number) => `${start}${ulid(now)}`

/** When a file id was made, in ms since the epoch. */
export const fileIdTime = (id: string) => decodeTime(id.slice(start.length))

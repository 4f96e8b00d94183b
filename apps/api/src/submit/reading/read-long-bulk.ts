import { createJsonScan } from '../../http/bodies/scan-json.ts'
import { readLong, refusedOr } from './read-long.ts'
import type { ReadingReply, ReadingTask, Refused } from './read-long.ts'
import { readItems } from './split-items.ts'
import type { BulkItem, BulkLayout } from './split-items.ts'

/** All that has to be known to read a long body with many predictions in it. */
export type BulkReadingTask = Omit<ReadingTask, 'form' | 'version' | 'firstLine'> & { layout: BulkLayout }

/** Of each prediction what `readLong` replies, or why none can be told from the others. */
export type BulkReply = { items: ReadingReply[] } | Refused

/** Reads each prediction of a long body. Together their inputs, as they are kept, are bounded as that of one is. */
export const readLongBulk = (task: BulkReadingTask): BulkReply =>
  refusedOr(() => {
    let textBytes = 0
    const readOne = (item: BulkItem): ReadingReply => {
      const reply = readLong({
        ...task,
        ...item,
        members: membersOf(item.bytes),
        form: 'request',
        version: undefined,
        maxTextBytes: task.maxTextBytes - textBytes,
      })
      if ('read' in reply) textBytes += reply.read.input.text.length
      return reply
    }
    return { items: readItems(task, readOne, isMalformed) }
  })

const isMalformed = (reply: ReadingReply) => 'refused' in reply && reply.refused.code === 'malformed_json'

/** Members of all objects of a text that was looked through before as a part of another. */
export const membersOf = (bytes: Uint8Array) => {
  const scan = createJsonScan()
  scan.take(bytes)
  return scan.end().members
}

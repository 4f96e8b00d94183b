import { parentPort } from 'node:worker_threads'
import { readLongBulk } from './read-long-bulk.ts'
import type { BulkReadingTask } from './read-long-bulk.ts'
import { readLong } from './read-long.ts'
import type { ReadingTask } from './read-long.ts'

// A thread that reads long bodies, one after the other: see reading-threads.ts.
parentPort?.on('message', (task: ReadingTask | BulkReadingTask) => {
  const reply = 'layout' in task ? readLongBulk(task) : readLong(task)
  const replies = 'items' in reply ? reply.items : [reply]
  parentPort?.postMessage(
    reply,
    replies.flatMap((one) => ('read' in one ? [one.read.input.text.buffer] : [])),
  )
})

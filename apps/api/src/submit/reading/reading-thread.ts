import { parentPort } from 'node:worker_threads'
import { readLong } from './read-long.ts'
import type { ReadingTask } from './read-long.ts'

// A thread that reads long bodies, one after the other: see reading-threads.ts.
parentPort?.on('message', (task: ReadingTask) => {
  const reply = readLong(task)
  parentPort?.postMessage(reply, 'read' in reply ? [reply.read.input.text.buffer] : [])
})

import { setFlagsFromString } from 'node:v8'
import { Worker } from 'node:worker_threads'
import { AppError } from '@onqueue/shared'
import type { Logger } from '@onqueue/shared'
import type { BulkReadingTask, BulkReply } from './read-long-bulk.ts'
import { toRefusal } from './read-long.ts'
import type { LongRequest, ReadingReply, ReadingTask } from './read-long.ts'

/**
 * Threads that read long bodies, so that nobody else waits while megabytes are parsed and checked.
 *
 * A body is moved to its thread, and what comes back is moved too: neither is copied, and nothing of the parsed value is ever
 * in the memory of this thread. Each reads one body at a time; the others stand in line. A thread is started when there is
 * work and ended when there has been none for a while. One that dies, takes too long or has no memory left takes its body
 * with it, whose caller is told, and nothing else. There is one, for the worst of bodies takes 300 MB while it is read.
 */
export type ReadingThreads = {
  /** Throws what reading throws, `body_too_large` where it took more memory than there is, and `server_busy`. */
  read: (task: ReadingTask) => Promise<LongRequest>
  /** The same for a body with many predictions in it, each of which was read or refused. */
  readBulk: (task: BulkReadingTask) => Promise<(LongRequest | AppError)[]>
  close: () => Promise<void>
}

type Options = {
  log: Pick<Logger, 'warn'>
  entry?: URL
  maxThreads?: number
  maxHeapMb?: number
  idleMs?: number
  patienceMs?: number
}

/**
 * The heap of one thread, for bodies of so many bytes. It has to be more than anything takes that the scan lets pass: V8 ends
 * the whole process where a parser runs out of it. Numbers take 5 times their text, once more when they are checked, and the
 * text is there twice; names, strings and arrays, of which there are only so many, take 200 MB.
 */
export const heapMbFor = (bodyBytes: number) => 256 + Math.ceil((24 * bodyBytes) / (1024 * 1024))

type Task = ReadingTask | BulkReadingTask
type Reply = ReadingReply | BulkReply
type GoodReply = Exclude<Reply, { refused: unknown }>
type Job = { task: Task; resolve: (reply: GoodReply) => void; reject: (reason: Error) => void }
type Thread = { worker: Worker; job: Job | null; timer: NodeJS.Timeout | undefined }

export const createReadingThreads = (options: Options): ReadingThreads => {
  const { log, entry = new URL('reading-thread.ts', import.meta.url) } = options
  const {
    maxThreads = 1,
    maxHeapMb = heapMbFor(10 * 1024 * 1024),
    idleMs = 10_000,
    patienceMs = 30_000,
  } = options
  const threads = new Set<Thread>()
  const waiting: Job[] = []

  const start = () => {
    // the option with which the process was started bounds its own heap for good, but would go before these limits
    setFlagsFromString('--max-old-space-size=0')
    const worker = new Worker(entry, { resourceLimits: { maxOldGenerationSizeMb: maxHeapMb } })
    const thread: Thread = { worker, job: null, timer: undefined }
    threads.add(thread)
    const drop = (err: Error | undefined) => {
      if (!threads.delete(thread)) return
      clearTimeout(thread.timer)
      if (thread.job) {
        log.warn({ err, model: thread.job.task.model }, 'a thread that read a body has ended')
        thread.job.reject(refusalOf(err))
      }
      work()
    }
    worker.on('message', (reply: Reply) => settle(thread, reply))
    worker.on('error', drop)
    worker.on('exit', () => drop(undefined))
    return thread
  }

  const settle = (thread: Thread, reply: Reply) => {
    clearTimeout(thread.timer)
    if ('refused' in reply) thread.job?.reject(toRefusal(reply.refused))
    else thread.job?.resolve(reply)
    thread.job = null
    thread.timer = setTimeout(() => void end(thread), idleMs).unref()
    work()
  }

  const end = (thread: Thread) => {
    // terminating takes a moment, in which it must not be given work
    threads.delete(thread)
    return thread.worker.terminate()
  }

  /** Hands out what waits. */
  const work = () => {
    while (waiting.length > 0) {
      const idle = [...threads].find(({ job }) => job === null)
      if (!idle && threads.size >= maxThreads) return
      const job = waiting.shift()
      if (job) give(idle ?? start(), job)
    }
  }

  const give = (thread: Thread, job: Job) => {
    clearTimeout(thread.timer)
    thread.job = job
    // the exit of the thread tells its caller
    thread.timer = setTimeout(() => void thread.worker.terminate(), patienceMs).unref()
    thread.worker.postMessage(job.task, [job.task.bytes.buffer])
  }

  const run = (task: Task) =>
    new Promise<GoodReply>((resolve, reject) => {
      waiting.push({ task, resolve, reject })
      work()
    })

  return {
    read: async (task) => {
      const reply = await run(task)
      if ('read' in reply) return reply.read
      throw new Error('unreachable: the reply is that of the task')
    },
    readBulk: async (task) => {
      const reply = await run(task)
      if ('items' in reply)
        return reply.items.map((item) => ('read' in item ? item.read : toRefusal(item.refused)))
      throw new Error('unreachable: the reply is that of the task')
    },
    close: async () => {
      await Promise.all([...threads].map(end))
    },
  }
}

const refusalOf = (err: Error | undefined) =>
  err && 'code' in err && err.code === 'ERR_WORKER_OUT_OF_MEMORY'
    ? new AppError('body_too_large', 'the body takes more memory than there is for one; send less at once', {
        cause: err,
      })
    : new AppError('server_busy', 'the body could not be read in time; try again', {
        retryAfterSeconds: 5,
        cause: err,
      })

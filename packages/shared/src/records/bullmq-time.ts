import { createRedisBackend } from 'bullmq'
import type { BackendFactory, Job, RedisQueueBackend } from 'bullmq'

/**
 * BullMQ dates by the clock of the machine that calls it: when a job was taken and when it finished, until when it is
 * delayed, and which of the delayed ones are due. Machines of which one is hours ahead would then not agree on any of it: a
 * prediction would be put off for hours, or its result be swept at once.
 *
 * So the scripts that take a time are given Redis'. What comes back of times is compared by BullMQ with the clock of the
 * machine, and brought back to that.
 */
export const onRedisTime =
  (clock: () => number): BackendFactory<RedisQueueBackend> =>
  (...options) => {
    const backend = createRedisBackend(...options)
    const execCommand = backend.execCommand.bind(backend)
    const waitForJob = backend.waitForJob.bind(backend)
    const toOwnTime = (redisTime: number) => redisTime + Date.now() - clock()

    backend.execCommand = (client, name, args) => {
      const place = timePlaces.get(name)
      if (place === undefined) return execCommand(client, name, args)
      return execCommand(client, name, args.with(place, clock())).then((reply: unknown) =>
        withOwnTime(reply, toOwnTime),
      )
    }
    backend.waitForJob = async (blockTimeout) => {
      const marker = await waitForJob(blockTimeout)
      return marker && marker.score > 0 ? { ...marker, score: toOwnTime(marker.score) } : marker
    }
    return backend
  }

/** Puts off a job that was taken. BullMQ makes a distance of the time again. */
export const delayJob = (job: Job, delayMs: number, token: string | undefined) =>
  job.moveToDelayed(Date.now() + delayMs, token)

/** The scripts that take a time, and its place among their keys and arguments (bullmq/dist/esm/commands). */
const timePlaces = new Map([
  ['moveToActive', 12],
  ['moveToFinished', 15],
  ['moveToDelayed', 12],
])

/** A script that fetches a job replies with its fields, its id, a limit, and where there is none when the next delayed is due. */
const withOwnTime = (reply: unknown, toOwnTime: (redisTime: number) => number): unknown => {
  if (!Array.isArray(reply)) return reply
  const dueAt: unknown = reply[3]
  return typeof dueAt === 'number' && dueAt > 0 ? reply.with(3, toOwnTime(dueAt)) : reply
}

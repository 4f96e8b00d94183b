import { randomUUID } from 'node:crypto'
import { Worker } from 'bullmq'
import {
  areFinal,
  clearTakenAt,
  lockSettings,
  modelKeys,
  modelPrefix,
  onRedisTime,
  queueName,
} from '@onqueue/shared'
import { maxAtOnce } from './upkeep.ts'
import type { Upkeep } from './upkeep.ts'

/**
 * Clears away predictions that ended while waiting, for a model that nobody takes predictions of: jobs of which all is final
 * are taken off the front here and completed.
 */
export const clearEnded = async (upkeep: Upkeep, model: string) => {
  const { redis, namespace, isClosed } = upkeep
  const keys = modelKeys(namespace, model)
  const front = await redis.lrange(keys.queue('wait'), -maxAtOnce, -1)
  const final = await areFinal({ redis, namespace }, model, front)
  if (!final.includes(true)) return
  const clearer = openClearer(upkeep, model)
  try {
    while (!isClosed() && (await clearNext(upkeep, clearer, model)));
  } finally {
    await clearer.close()
  }
}

/** Completes the next waiting job if its prediction is final; puts it back and resolves to false if it isn't. */
const clearNext = async ({ redis, namespace }: Upkeep, clearer: Worker, model: string) => {
  const token = randomUUID()
  const job = await clearer.getNextJob(token, { block: false })
  if (!job) return false
  const [isFinal] = await areFinal({ redis, namespace }, model, [job.id ?? ''])
  if (isFinal) await job.moveToCompleted(1, token, false)
  else {
    await clearTakenAt({ redis, namespace }, model, job.id ?? '')
    await job.moveToWait(token)
  }
  return isFinal
}

const openClearer = ({ redis, namespace, clock, log }: Upkeep, model: string) => {
  const options = {
    connection: redis,
    prefix: modelPrefix(namespace, model),
    ...lockSettings,
    skipVersionCheck: true,
  }
  const clearer = new Worker(queueName, null, options, onRedisTime(clock))
  clearer.on('error', (err) => log.debug({ err, model }, 'janitor queue'))
  return clearer
}

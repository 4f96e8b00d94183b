import { clearTakenAt, modelKeys } from '@onqueue/shared'
import type { Upkeep } from './upkeep.ts'

/**
 * Returns to the queue what workers held that are gone, for a model that nobody takes predictions of: BullMQ looks for
 * such jobs only where some are taken. They wait again, and are shown so, also while no worker comes to load the model.
 */
export const returnStalled = async ({ redis, namespace, queues, log }: Upkeep, model: string) => {
  if ((await redis.llen(modelKeys(namespace, model).queue('active'))) === 0) return
  // the first look only notes who has no lock, and looks are five seconds apart, whoever looks
  const ids = await queues.open(model).getBackend().moveStalledJobsToWait()
  if (ids.length === 0) return
  await Promise.all(ids.map((id) => clearTakenAt({ redis, namespace }, model, id)))
  log.warn({ model, predictions: ids.length }, 'returned to the queue what lost workers held')
}

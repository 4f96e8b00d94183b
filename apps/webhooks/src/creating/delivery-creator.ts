import {
  deliveryIdOf,
  levelOf,
  parseUndelivered,
  readForBody,
  readPredictionRecord,
  undeliveredMember,
  webhookBody,
} from '@onqueue/shared'
import type {
  DatedStore,
  DeliveryAbout,
  DeliveryStore,
  Logger,
  PredictionRecord,
  ShowPrediction,
  WebhookRequest,
} from '@onqueue/shared'
import type { UndeliveredEntries } from './undelivered-entries.ts'

/**
 * Creates deliveries of what is due: predictions that ended, or started, with a webhook.
 *
 * A prediction's outcome and its entry in `undelivered` are written in one step, and the entry goes only when its
 * delivery is there, with the frozen body that every attempt will send. A process that dies in between leaves the entry,
 * which is due again 10 s later; creating the same delivery twice changes nothing.
 */
export type DeliveryCreator = {
  /** Creates everything of a model that is due. */
  createDue(model: string): Promise<void>
}

const maxAtOnce = 100

export const createDeliveryCreator = ({
  redis,
  namespace,
  clock,
  entries,
  deliveries,
  show,
  log,
  onCreated,
}: DatedStore & {
  entries: UndeliveredEntries
  deliveries: DeliveryStore
  show: ShowPrediction
  log: Logger
  /** `lagMs`: from the end of the prediction to here */
  onCreated: (model: string, lagMs: number) => void
}): DeliveryCreator => {
  const createOf = async (model: string, member: string) => {
    const { predictionId, kind } = parseUndelivered(member)
    if (kind === 'held') return checkHeld(model, predictionId)
    const record = await readPredictionRecord({ redis, namespace }, model, predictionId)
    const webhook = record?.job.webhook
    // deleted by its owner
    if (!record || !webhook) return entries.drop(model, member)
    if (kind === 'completed' && !record.outcome) return
    await create(model, kind === 'start' ? asStarted(record, clock()) : record, webhook, kind)
    await entries.drop(model, member)
  }

  /** Its delivery may have ended without letting go of it. */
  const checkHeld = async (model: string, predictionId: string) => {
    const delivery = await deliveries.read(deliveryIdOf(predictionId, 'completed'))
    if (delivery?.status === 'pending') await entries.hold(model, predictionId)
    else await entries.drop(model, undeliveredMember.held(predictionId))
  }

  const create = async (
    model: string,
    record: PredictionRecord,
    webhook: WebhookRequest,
    kind: 'start' | 'completed',
  ) => {
    const deliveryId = deliveryIdOf(record.id, kind)
    const { text, isWhole } = webhookBody(show(await readForBody(record)), webhook.payload)
    const about: DeliveryAbout = {
      owner: record.job.owner,
      predictionId: record.id,
      event: kind === 'start' ? 'prediction.started' : 'prediction.completed',
      url: webhook.url,
      createdAt: clock(),
      holdsPrediction: !isWhole && kind === 'completed',
    }
    if (about.holdsPrediction) await entries.hold(model, record.id)
    if (await deliveries.create(deliveryId, about, text)) {
      onCreated(model, clock() - (record.outcome?.completedAt ?? record.takenAt ?? clock()))
      log.debug({ deliveryId, predictionId: record.id, requestId: record.job.requestId }, 'delivery made')
    } else if ((await deliveries.read(deliveryId))?.status !== 'pending') await deliveries.release(about)
  }

  return {
    createDue: async (model) => {
      let taken: string[]
      do {
        taken = await entries.takeDue(model, maxAtOnce)
        await Promise.all(
          taken.map((member) =>
            createOf(model, member).catch((err: unknown) =>
              log[levelOf(err)]({ err, model, member }, 'delivery could not be made yet'),
            ),
          ),
        )
      } while (taken.length === maxAtOnce)
    },
  }
}

/** The prediction as it was when it started, also where it has ended since. */
const asStarted = (record: PredictionRecord, now: number): PredictionRecord => ({
  ...record,
  takenAt: record.takenAt ?? record.outcome?.startedAt ?? now,
  outcome: null,
})

import { AppError, createBatchStore, createWebhookSecrets, newTestDeliveryId } from '@onqueue/shared'
import type {
  DatedStore,
  Delivery,
  DeliveryStore,
  Endpoint,
  Logger,
  PredictionRecord,
  ReceiverPolicies,
  SecretForms,
  WebhookSecretStore,
} from '@onqueue/shared'
import type { KnownPredictions } from '../predictions/open-predictions.ts'
import { createReceiverCheck } from './check-receiver.ts'
import type { CheckReceiver } from './check-receiver.ts'
import { createListDeliveries } from './list-deliveries.ts'
import type { ListDeliveries } from './list-deliveries.ts'
import { createRedeliver } from './redeliver.ts'
import type { Redeliver } from './redeliver.ts'
import { deliveriesOf, deliveryNotFound, readDelivery } from './show-delivery.ts'

/** All that a dialect does with an owner's webhook deliveries. What takes an id throws `delivery_not_found`. */
export type Deliveries = {
  ofPrediction(record: PredictionRecord): Promise<Delivery[]>
  list: ListDeliveries
  read(id: string, owner: string): Promise<Delivery>
  discard(id: string, owner: string): Promise<void>
  redeliver: Redeliver
  /** the secrets that sign an owner's webhooks */
  secrets: WebhookSecretStore
  endpoints(owner: string): Promise<Endpoint[]>
  /** Ends the pause of an origin. Throws `endpoint_not_found`. */
  resume(owner: string, origin: string): Promise<Endpoint>
  checkReceiver: CheckReceiver
  /** Sends a signed test message to a receiver that was checked. */
  sendTest(url: string, owner: string): Promise<Delivery>
}

export const openDeliveries = ({
  redis,
  namespace,
  clock,
  store,
  predictions: { reader, show },
  receivers,
  maxFrozenBytes,
  onSecretsLost,
  log,
  forms,
  publicUrl,
}: DatedStore & {
  store: DeliveryStore
  predictions: Pick<KnownPredictions, 'reader' | 'show'>
  receivers: ReceiverPolicies
  /** of an owner's bodies that wait for their delivery */
  maxFrozenBytes: number
  onSecretsLost: () => void
  log: Pick<Logger, 'error'>
  /** in which the secrets of owners are kept */
  forms: SecretForms
  publicUrl: string
}): Deliveries => {
  const list = createListDeliveries({ redis, namespace, deliveries: store })

  const readOwn = async (id: string, owner: string) => {
    const record = await store.read(id)
    if (record?.owner !== owner) throw deliveryNotFound()
    return record
  }
  const read = async (id: string, owner: string) => {
    await readOwn(id, owner)
    const delivery = await readDelivery(store, id)
    if (!delivery) throw deliveryNotFound()
    return delivery
  }

  return {
    ofPrediction: (record) => deliveriesOf(store, record),
    list,
    read,
    discard: async (id, owner) => void (await store.discard(id, await readOwn(id, owner))),
    redeliver: createRedeliver({
      deliveries: store,
      list,
      reader,
      batches: createBatchStore({ redis, namespace, clock }),
      publicUrl,
      show,
    }),
    secrets: createWebhookSecrets({
      redis,
      namespace,
      clock,
      forms,
      onLost: (owner) => {
        log.error({ owner }, 'redis had lost the secrets of webhooks: new ones sign, tell their owner')
        onSecretsLost()
      },
    }),
    endpoints: (owner) => store.endpoints(owner),
    resume: async (owner, origin) => {
      const isKnown = await store.resume(owner, origin)
      const endpoint = (await store.endpoints(owner)).find((known) => known.origin === origin)
      if (isKnown && endpoint) return endpoint
      throw new AppError(
        'endpoint_not_found',
        'nothing of yours was sent there lately; GET /v1/webhooks/endpoints lists the origins',
      )
    },
    checkReceiver: createReceiverCheck({
      receivers,
      deliveries: store,
      maxFrozenBytes,
    }),
    sendTest: async (url, owner) => {
      const createdAt = clock()
      const id = newTestDeliveryId(createdAt)
      const body = JSON.stringify({ object: 'test', id, created_at: new Date(createdAt).toISOString() })
      await store.create(
        id,
        { owner, predictionId: null, event: 'webhook.test', url, createdAt, holdsPrediction: false },
        body,
      )
      await store.announce()
      return read(id, owner)
    },
  }
}

/**
 * The names under which everything lives in Redis.
 *
 * Each key of a model carries the hash tag `{<model>}`: Redis Cluster then keeps a model's keys in one slot, which
 * flows and scripts need, and spreads the models over the shards.
 */
export const queueName = 'predictions'
/** of chunks of batches, and of batches that are to be planned */
export const chunkQueueName = 'chunks'
export type QueueName = typeof queueName | typeof chunkQueueName

/** Behind a job's key: BullMQ's key of the job's log. */
export const jobLogSuffix = ':logs'

/** The prefix that BullMQ and our own keys of one model share. `namespace` is `ONQUEUE_PREFIX`, `onqueue` by default. */
export const modelPrefix = (namespace: string, model: string) => `${namespace}:{${model}}`

export const modelKeys = (namespace: string, model: string) => {
  const prefix = modelPrefix(namespace, model)
  return {
    /**
     * string: the outcome, written once; a prediction is final if and only if it exists. Of one that came in a pack it is in the
     * pack, and only here where it is long
     */
    outcome: (id: string) => `${prefix}:outcome:${id}`,
    /** string: the input of a prediction whose input is too large for its job */
    input: (id: string) => `${prefix}:input:${id}`,
    /** hash: the predictions that share a job, with their inputs and outcomes; see pack-lua.ts */
    pack: (packId: string) => `${prefix}:pack:${packId}`,
    /** string: the fingerprint of the request that won an idempotency key */
    claim: (id: string) => `${prefix}:claim:${id}`,
    /** sorted set: ids of one owner's jobs, predictions and packs, by creation time, for listing */
    index: (owner: string) => `${prefix}:index:${owner}`,
    /** sorted set: webhook messages that still need their prediction, by when to look at them (ms); see undelivered.ts */
    undelivered: `${prefix}:undelivered`,
    /** sorted set: prediction ids by deadline (ms) */
    deadlines: `${prefix}:deadlines`,
    /** integer: rows waiting beyond one for each waiting job (array inputs, packs) */
    extraRows: `${prefix}:extra-rows`,
    /** hash: digest → the card of that version, as published by the first worker that had it */
    cards: `${prefix}:cards`,
    /** hash: version → the newest generation given to a digest of it */
    generations: `${prefix}:generations`,
    /** set: ids of workers that serve the model */
    workers: `${prefix}:workers`,
    /** string that expires: one worker's heartbeat */
    worker: (workerId: string) => `${prefix}:worker:${workerId}`,
    /** string that expires: when any worker of the model was last seen, in ms */
    lastSeen: `${prefix}:last-seen`,
    /** hash: a batch; see batch-record.ts */
    batch: (id: string) => `${prefix}:batch:${id}`,
    /** hash: number → a chunk of the batch, as it was planned */
    batchChunks: (id: string) => `${prefix}:batch:${id}:chunks`,
    /** hash: number → what became of that chunk */
    batchDone: (id: string) => `${prefix}:batch:${id}:done`,
    /** sorted set: ids of batches that have not ended, by creation time (ms) */
    activeBatches: `${prefix}:batches`,
    /** sorted set: ids of batches that have ended, by when to look at them (ms) */
    endedBatches: `${prefix}:ended-batches`,
    /** sorted set: ids of batches whose end is still to be told, by when to look at them (ms) */
    undeliveredBatches: `${prefix}:undelivered-batches`,
    /** sorted set: ids of one owner's batches, by creation time (ms) */
    batchIndex: (owner: string) => `${prefix}:batch-index:${owner}`,
    /** string that expires: the janitor at work on the model */
    janitor: `${prefix}:janitor`,
    /** pub/sub channel: ids of predictions that became final, separated by a comma */
    notices: `${prefix}:notices`,
    /**
     * BullMQ's own keys of a queue, which the sweeper's script removes together with ours: `wait`, `active`, `completed` and
     * so on, and each job's by its id
     */
    queue: (part: string, name: QueueName = queueName) => `${prefix}:${name}:${part}`,
  }
}

/**
 * The keys of webhook deliveries, all in one slot. No model can have the name in their hash tag.
 * An *endpoint* is an owner and an origin, `<owner> <origin>`.
 */
export const deliveryKeys = (namespace: string) => {
  const prefix = `${namespace}:{+deliveries}:`
  return {
    /** hash: a delivery; see delivery.ts */
    delivery: (id: string) => `${prefix}delivery:${id}`,
    /** string: the frozen body, until it was delivered */
    body: (id: string) => `${prefix}body:${id}`,
    /** sorted set: delivery ids of an endpoint by when they are due (ms); those under way by the end of their lease */
    schedule: (endpoint: string) => `${prefix}schedule:${endpoint}`,
    /** sorted set: endpoints by when to look at their schedule (ms) */
    endpoints: `${prefix}endpoints`,
    /** hash: `failingSince` and `pausedAt` of an endpoint, in ms */
    endpoint: (endpoint: string) => `${prefix}endpoint:${endpoint}`,
    /** sorted set: an owner's origins by when they were last used (ms) */
    origins: (owner: string) => `${prefix}origins:${owner}`,
    /** sorted set: an owner's delivery ids by creation time (ms) */
    index: (owner: string) => `${prefix}index:${owner}`,
    /** integer: bytes of an owner's frozen bodies */
    bytes: (owner: string) => `${prefix}bytes:${owner}`,
    /** sorted sets: delivery ids by when they ended (ms) */
    delivered: `${prefix}delivered`,
    failed: `${prefix}failed`,
    /** pub/sub channel: there is something to freeze (the model), or to deliver (empty) */
    notices: `${prefix}notices`,
  }
}

/** The keys of files, all in one slot, which no model can have. What is in the files is in the storage. */
export const fileKeys = (namespace: string) => {
  const prefix = `${namespace}:{+files}:`
  return {
    /** hash: a file; see file.ts */
    file: (id: string) => `${prefix}file:${id}`,
    /** set: what uses a file, which stays for so long */
    uses: (id: string) => `${prefix}uses:${id}`,
    /** sorted set: an owner's file ids by creation time (ms) */
    index: (owner: string) => `${prefix}index:${owner}`,
    /** hash: how many `bytes` and `files` an owner has, uploads under way included */
    usage: (owner: string) => `${prefix}usage:${owner}`,
    /** sorted set: file ids by when they expire (ms) */
    expiries: `${prefix}expiries`,
    /** hash: `owner` of an upload under way, the `bytes` that are reserved for it, and the id of its `storage` */
    upload: (id: string) => `${prefix}upload:${id}`,
    /** sorted set: ids of uploads by the end of their lease (ms) */
    uploads: `${prefix}uploads`,
    /** sorted set: ids of files that are gone and whose bytes are still to be removed from a storage, by when they went (ms) */
    removed: (storageId: string) => `${prefix}removed:${storageId}`,
  }
}

/** Keys that belong to no model. */
export const globalKeys = (namespace: string) => ({
  /** set: names of all models that a worker ever published */
  models: `${namespace}:models`,
  /** string: the secret shared by the processes where ONQUEUE_SECRET is not set */
  secret: `${namespace}:secret`,
  /** never there: a write that would change it tells whether Redis takes writes */
  probe: `${namespace}:probe`,
  /** pub/sub channel: a model whose card changed */
  cardChanges: `${namespace}:card-changes`,
  /** hash: an owner's secret for signing webhooks, and the one before it with the time until which it signs along */
  webhookSecrets: (owner: string) => `${namespace}:webhook-secret:${owner}`,
  /** set: ids of API and webhooks processes */
  processes: `${namespace}:processes`,
  /** string that expires: the heartbeat of one of them */
  process: (id: string) => `${namespace}:process:${id}`,
  /** pub/sub channel of an API process: how predictions ended whose submits waited there */
  replies: (id: string) => `${namespace}:replies:${id}`,
  /** pub/sub channel: a model of which a batch was made, or ended */
  batchNotices: `${namespace}:batch-notices`,
})

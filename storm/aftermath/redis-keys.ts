import { chunkQueueName, deliveryKeys, fileKeys, globalKeys, jobLogSuffix, modelKeys } from '@onqueue/shared'

/** What a key is: its family, and the prediction or delivery that it belongs to, where it belongs to one. */
export type KeyKind = { family: string; id?: string }

/** BullMQ's own keys of a queue, which stay as long as it does. */
const queueParts = [
  'wait',
  'active',
  'prioritized',
  'delayed',
  'paused',
  'completed',
  'failed',
  'meta',
  'events',
  'pc',
  'id',
  'marker',
  'stalled',
  'stalled-check',
  'waiting-children',
]
const idPattern = '[0-9A-HJKMNP-TV-Z]{26}'

/** Makes a function that tells what a key is, by the names that OnQueue has for its keys; undefined for any other. */
export const createKeyReader = (namespace: string, models: readonly string[]) => {
  const patterns = [
    ...models.flatMap((model) => patternsOfModel(namespace, model)),
    ...deliveryPatterns(namespace),
    ...filePatterns(namespace),
    ...Object.entries(globalKeys(namespace)).map(([family, name]) =>
      toPattern(family, typeof name === 'string' ? name : name(any), undefined),
    ),
  ]
  return (key: string): KeyKind | undefined => {
    for (const { family, pattern, hasId } of patterns) {
      const match = pattern.exec(key)
      if (match) return hasId ? { family, id: match[1] ?? '' } : { family }
    }
    return undefined
  }
}

/** Stands for an id, or for something else that a name is made of. */
const any = '\u0000'

const toPattern = (family: string, name: string, id: string | undefined) => ({
  family,
  hasId: id !== undefined,
  pattern: new RegExp(`^${RegExp.escape(name).replace(RegExp.escape(any), id ? `(${id})` : '.+')}$`),
})

const patternsOfModel = (namespace: string, model: string) => {
  const keys = modelKeys(namespace, model)
  const id = `${RegExp.escape(model)}-${idPattern}`
  return [
    ...(['outcome', 'input', 'pack', 'claim'] as const).map((family) =>
      toPattern(family, keys[family](any), id),
    ),
    toPattern('job', keys.queue(any), id),
    toPattern('job log', `${keys.queue(any)}${jobLogSuffix}`, id),
    toPattern('job lock', `${keys.queue(any)}:lock`, id),
    ...queueParts.map((part) => toPattern(`queue ${part}`, keys.queue(part), undefined)),
    ...queueParts.map((part) =>
      toPattern(`chunk queue ${part}`, keys.queue(part, chunkQueueName), undefined),
    ),
    // their names are the batch's and a number, and the queue's own parts have none
    toPattern('chunk job', keys.queue(`batch-${any}`, chunkQueueName), undefined),
    ...(['batchChunks', 'batchDone', 'batch', 'batchIndex'] as const).map((family) =>
      toPattern(family, keys[family](any), undefined),
    ),
    ...(['index', 'worker'] as const).map((family) => toPattern(family, keys[family](any), undefined)),
    ...(
      [
        'undelivered',
        'deadlines',
        'extraRows',
        'cards',
        'generations',
        'workers',
        'lastSeen',
        'janitor',
        'activeBatches',
        'endedBatches',
        'undeliveredBatches',
      ] as const
    ).map((family) => toPattern(family, keys[family], undefined)),
  ]
}

const deliveryPatterns = (namespace: string) => {
  const keys = deliveryKeys(namespace)
  const id = `wh-(?:batch-)?${idPattern}(?:-start)?`
  return [
    toPattern('delivery', keys.delivery(any), id),
    toPattern('delivery body', keys.body(any), id),
    ...(['schedule', 'endpoint', 'origins', 'index', 'bytes'] as const).map((family) =>
      toPattern(`deliveries ${family}`, keys[family](any), undefined),
    ),
    ...(['endpoints', 'delivered', 'failed'] as const).map((family) =>
      toPattern(`deliveries ${family}`, keys[family], undefined),
    ),
  ]
}

const filePatterns = (namespace: string) => {
  const keys = fileKeys(namespace)
  return [
    ...(['file', 'uses', 'index', 'usage', 'upload', 'removed'] as const).map((family) =>
      toPattern(`files ${family}`, keys[family](any), undefined),
    ),
    ...(['expiries', 'uploads'] as const).map((family) =>
      toPattern(`files ${family}`, keys[family], undefined),
    ),
  ]
}

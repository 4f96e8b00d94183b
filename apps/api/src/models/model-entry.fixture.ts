import type { ModelEntry, ServedVersion, VersionCard, VersionInterface } from '@onqueue/shared'
import type { ReadWaiting } from './waiting-predictions.ts'
import type { Models } from './open-models.ts'

/** A model as tests see it: one version that one worker has ready, changed as given. */
export const modelEntry = (
  name: string,
  {
    card = {},
    served = {},
    versions = [servedVersion({ model: name, ...card }, served)],
    heartbeats = [heartbeat({ digest: versions.at(-1)?.card.digest ?? '' })],
  }: {
    card?: CardChanges
    served?: Partial<ServedVersion>
    versions?: ServedVersion[]
    heartbeats?: ModelEntry['heartbeats']
  } = {},
): ModelEntry => ({ name, versions, heartbeats, lastSeenAt: 0 })

export const servedVersion = (card: CardChanges, served: Partial<ServedVersion> = {}): ServedVersion => {
  const full = versionCard(card)
  return {
    version: full.version,
    card: full,
    status: 'ready',
    reason: null,
    conflictingDigests: [],
    ...served,
  }
}

/** The models of these entries, for routes that only look models up. */
export const modelsOf = (
  entries: ModelEntry[],
  readWaiting: ReadWaiting = async () => ({ count: 0, oldestAgeSeconds: null }),
): Pick<Models, 'list' | 'get' | 'readWaiting' | 'storage'> => ({
  list: () => entries,
  get: (name) => entries.find((entry) => entry.name === name),
  readWaiting,
  storage: () => undefined,
})

/** Changes of a card and of what it offers, in one. */
type CardChanges = Partial<Omit<VersionCard, 'interface'> & VersionInterface> & { interface?: null }

const versionCard = ({
  model = 'iris',
  version = '1',
  digest = 'd1'.repeat(32),
  generation = 1,
  status = 'ready',
  reason = null,
  attempts = 3,
  interface: none,
  ...changes
}: CardChanges): VersionCard => ({
  model,
  version,
  digest,
  generation,
  status,
  reason,
  attempts,
  interface: none === null ? null : { ...irisInterface, ...changes },
})

const irisInterface: VersionInterface = {
  warnings: [],
  description: 'Species of an iris flower',
  task: 'tabular-classification',
  inputSchema: {
    type: 'object',
    properties: { features: { type: 'array', items: { type: 'number' }, minItems: 4, maxItems: 4 } },
    required: ['features'],
    additionalProperties: false,
  },
  outputSchema: {
    type: 'object',
    properties: { prediction: { enum: ['setosa', 'versicolor', 'virginica'] } },
    required: ['prediction'],
  },
  example: { features: [5.1, 3.5, 1.4, 0.2] },
  batching: { enabled: true, maxRows: 64, maxWaitMs: 2, reason: null },
  providers: ['cpu'],
}

const heartbeat = ({ digest }: { digest: string }): ModelEntry['heartbeats'][number] => ({
  workerId: 'worker-1',
  at: 0,
  rowsPerSecond: 100,
  versions: [
    {
      version: '1',
      digest,
      status: 'ready',
      reason: null,
      memoryBytes: 1000,
      rowLimit: { rows: 64, reason: 'batching.max_rows allows no more' },
    },
  ],
})

import { z } from 'zod'
import { versionStatuses } from './version-card.ts'
import type { VersionCard } from './version-card.ts'

/**
 * What a worker tells the other processes about a model version.
 *
 * A *card* describes one definition of a version (its digest) and stays in Redis when its workers are gone, so that
 * predictions can still be checked and accepted. A *heartbeat* says which definitions one worker has right now; it
 * expires with the worker. `serveVersions` chooses by both what is served.
 */
export const heartbeatSchema = z.object({
  workerId: z.string(),
  at: z.number(),
  /** rows finished a second, averaged over the last seconds in which there was work */
  rowsPerSecond: z.number(),
  /** how long a prediction took, from being taken to its end; absent before the first one */
  serviceMs: z.number().optional(),
  /** it sends outcomes to the processes that wait for them (`replyTo` of a job); absent from the release before */
  sendsReplies: z.boolean().optional(),
  /** it takes packs, and tidies up after them; absent from the release before */
  readsPacks: z.boolean().optional(),
  /** id of the storage from which it reads files of batches; absent from the release before, and while it could not be opened */
  storage: z.string().optional(),
  versions: z.array(
    z.object({
      version: z.string(),
      digest: z.string(),
      status: z.enum([...versionStatuses, 'unhealthy']),
      reason: z.string().nullable(),
      /** see `VersionCard`; absent from the release before */
      keepsFailing: z.boolean().optional(),
      memoryBytes: z.number(),
      /** how many rows the worker runs together at present, and why not more; absent while it runs none */
      rowLimit: z.object({ rows: z.int(), reason: z.string() }).optional(),
      /** what a row takes in a full micro-batch at present, in ms; absent while it runs none, and from the release before */
      rowMs: z.number().optional(),
    }),
  ),
})
export type Heartbeat = z.infer<typeof heartbeatSchema>
type VersionState = Heartbeat['versions'][number]

/** True where the worker takes predictions for the version; unhealthy is one whose executors are rested in between. */
export const canRun = (status: VersionState['status']) => status === 'ready' || status === 'unhealthy'

/** A model as the API knows it: every published version, and the workers that are alive. */
export type ModelEntry = {
  name: string
  versions: ServedVersion[]
  heartbeats: Heartbeat[]
  lastSeenAt: number | null
}

/** Why work that was made for a version fails where nobody has had that for too long, a sentence. */
export const explainVersionGone = (version: string) =>
  `no worker has version ${version} as it was when this was submitted; submit it again`

/** Those of the workers that have a definition, ready or not yet. */
export const workersWith = (heartbeats: readonly Heartbeat[], digest: string) =>
  heartbeats.filter(({ versions }) =>
    versions.some((version) => version.digest === digest && version.status !== 'refused'),
  )

/** Whether every worker that may end a prediction of the model sends replies. */
export const areRepliesSent = (entry: ModelEntry | undefined) =>
  entry !== undefined &&
  entry.heartbeats.length > 0 &&
  entry.heartbeats.every((beat) => beat.sendsReplies === true)

/** Whether every live worker takes packs of predictions: those of other models tidy up after all. */
export const arePacksTaken = (entries: readonly ModelEntry[]) =>
  entries.every(({ heartbeats }) => heartbeats.every((beat) => beat.readsPacks === true))

/** A version with the definition that new predictions get. */
export type ServedVersion = {
  version: string
  card: VersionCard
  status: 'loading' | 'ready' | 'refused' | 'unavailable'
  reason: string | null
  /** other definitions of the same version that a live worker has: a roll-out in progress, or a mistake */
  conflictingDigests: string[]
}

/**
 * Chooses the definition of each version that is served: the newest that a live worker has, or else the newest
 * published. Versions are in ascending order.
 */
export const serveVersions = (cards: VersionCard[], heartbeats: Heartbeat[]): ServedVersion[] => {
  const byVersion = Map.groupBy(cards, (card) => card.version)
  return [...byVersion.keys()].sort(compareVersions).flatMap((version) => {
    const newestFirst = (byVersion.get(version) ?? []).toSorted((a, b) => b.generation - a.generation)
    const live = newestFirst.filter((card) => stateOf(card, heartbeats) !== undefined)
    const card =
      live.find((candidate) => stateOf(candidate, heartbeats)?.status === 'ready') ??
      live[0] ??
      newestFirst[0]
    if (!card) return []
    const state = stateOf(card, heartbeats)
    return {
      version,
      card,
      status: statusOf(state),
      reason: state?.reason ?? card.reason,
      conflictingDigests: live.filter((other) => other !== card).map((other) => other.digest),
    } as const
  })
}

/**
 * The version that a prediction gets when it asks for none: the newest that was loaded once, so that a new version takes
 * over when it is ready and not before. The newest of all where none was.
 */
export const defaultVersionOf = (versions: ServedVersion[]) =>
  versions.findLast(({ status, card }) => status !== 'refused' && card.interface !== null) ?? versions.at(-1)

/** Ascending: numbers as numbers, everything else as text. */
export const compareVersions = (a: string, b: string) => a.localeCompare(b, 'en', { numeric: true })

/** Beside what no worker has, what has not run for too long, though its worker goes on trying. */
const statusOf = (state: VersionState | undefined): ServedVersion['status'] =>
  !state || state.status === 'unhealthy' || state.keepsFailing ? 'unavailable' : state.status

const stateOf = (card: VersionCard, heartbeats: Heartbeat[]) => {
  const states = heartbeats.flatMap((beat) =>
    beat.versions.filter((version) => version.digest === card.digest),
  )
  return states.find((state) => state.status === 'ready') ?? states[0]
}

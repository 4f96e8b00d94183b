import { anonymousOwner } from '@onqueue/shared'
import type { EventsToken, PredictionRecord } from '@onqueue/shared'

/**
 * Whether the link to the events of a prediction is still good: as long as the prediction is kept, and the key that submitted
 * it opens this server.
 *
 * A token of the release before is bound to neither key nor time. It is good for predictions of that release, and while a
 * process of it is there that gives such tokens out.
 */
export const opensEventsOf = (
  { job, outcome }: Pick<PredictionRecord, 'job' | 'outcome'>,
  token: EventsToken,
  {
    hasKey,
    areTokensBound,
    retentionMs,
    now,
  }: {
    hasKey: (owner: string, keyId: string) => boolean
    /** every live process reads tokens that are bound */
    areTokensBound: boolean
    retentionMs: number
    now: number
  },
): boolean => {
  if (outcome && now > outcome.completedAt + retentionMs) return false
  if (token.kind === 'unbound') return job.keyId === undefined || !areTokensBound
  if (token.createdAt !== job.createdAt) return false
  return token.keyId === null ? job.owner === anonymousOwner : hasKey(job.owner, token.keyId)
}

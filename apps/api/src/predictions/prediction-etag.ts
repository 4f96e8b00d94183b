import type { PredictionRecord } from '@onqueue/shared'

/**
 * Tells one state of a prediction from the next: it changes when a worker takes it and when it ends. Weak, because
 * `position` and `eta` move without it.
 */
export const etagOf = ({ outcome, takenAt }: Pick<PredictionRecord, 'outcome' | 'takenAt'>) => {
  if (outcome) return `W/"${outcome.status}-${outcome.completedAt.toString(36)}"`
  return takenAt === null ? 'W/"queued"' : `W/"processing-${takenAt.toString(36)}"`
}

/** Whether an `If-None-Match` header names this ETag; compared weakly, as RFC 9110 section 13.1.2 asks for. */
export const matchesEtag = (header: string | undefined, etag: string) => {
  if (header === undefined) return false
  if (header.trim() === '*') return true
  return header.split(',').some((candidate) => opaque(candidate) === opaque(etag))
}

const opaque = (etag: string) => etag.trim().replace(/^W\//, '')

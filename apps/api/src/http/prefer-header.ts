import { unusable } from './read-query.ts'

/** What a caller asked for with `Prefer` (RFC 7240) or `?wait=`. */
export type Preference = {
  /** how long to hold the request for a result, in ms; undefined where it was not asked for */
  waitMs: number | undefined
  /** what the response says in `Preference-Applied`; undefined where nothing of a `Prefer` header was followed */
  applied: string | undefined
}

/** Longer than this no response is held back: proxies cut idle connections after a minute. */
const maxWaitMs = 55_000

/**
 * `Prefer: wait`, `Prefer: wait=10`, `Prefer: respond-async, wait=10`, or `?wait=10` (seconds). The header counts where
 * both are given. What is malformed of it is ignored, as RFC 7240 has it; a malformed query is none: `invalid_request`.
 */
export const parsePreference = (header: string | undefined, query: string | undefined): Preference => {
  const askedMs = query === undefined ? undefined : parseWait(query)
  if (query !== undefined && askedMs === undefined) throw unusable('wait', 'takes seconds, such as 10')
  if (header === undefined) return { waitMs: askedMs, applied: undefined }
  const preferences = new Map(header.split(',').map(splitPreference))
  const wait = preferences.get('wait')
  const waitMs = wait === undefined ? undefined : parseWait(wait)
  const applied = [
    ...(waitMs === undefined ? [] : [`wait=${waitMs / 1000}`]),
    ...(preferences.has('respond-async') ? ['respond-async'] : []),
  ]
  return {
    waitMs: waitMs ?? askedMs,
    applied: applied.length === 0 ? undefined : applied.join(', '),
  }
}

const splitPreference = (text: string): [name: string, value: string] => {
  const [preference = ''] = text.split(';')
  const [name = '', value = ''] = preference.split('=', 2)
  return [name.trim().toLowerCase(), value.trim().replaceAll('"', '')]
}

const parseWait = (seconds: string) => {
  if (seconds === '') return maxWaitMs
  return /^\d{1,9}(?:\.\d{1,3})?$/.test(seconds) ? Math.min(Number(seconds) * 1000, maxWaitMs) : undefined
}

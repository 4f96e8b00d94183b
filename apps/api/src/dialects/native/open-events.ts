import type { EventsToken } from '@onqueue/shared'
import { unauthorized } from '../../access/bearer-key.ts'
import type { RequestHead } from '../../http/request-head.ts'

/**
 * An `EventSource` can't send a header, so this one path also takes a token, good for one prediction. It says nothing of
 * whose prediction that is: the events route takes the token in place of the owner.
 */
export const opensEvents = (
  request: RequestHead,
  readEventsToken: (predictionId: string, token: string) => EventsToken | undefined,
) => {
  const predictionId = /^\/v1\/predictions\/([^/]+)\/events$/.exec(request.path)?.[1]
  const token = request.query('token')
  if (predictionId === undefined || token === undefined || request.header('authorization') !== undefined)
    return false
  if (readEventsToken(predictionId, token)) return true
  throw notGood()
}

export const notGood = () =>
  unauthorized(
    'the token in this address is not good for this prediction, or not any more; take the address from urls.events of the prediction',
  )

export const eventHeaders = {
  'Content-Type': 'text/event-stream',
  'Cache-Control': 'no-cache',
  // nginx would hold the events back
  'X-Accel-Buffering': 'no',
}

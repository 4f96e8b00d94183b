import { ulid } from 'ulid'

/** The id of a delivery that is about no prediction, made `now` (ms since the epoch). */
export const newTestDeliveryId = (now: number) => `wh-test-${ulid(now)}`

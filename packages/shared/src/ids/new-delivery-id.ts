import { ulid } from 'ulid'

/** The id of a delivery that is about no prediction. */
export const newTestDeliveryId = () => `wh-test-${ulid()}`

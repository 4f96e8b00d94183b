const isInFull = process.env['ONQUEUE_TEST_FULL'] === '1'

/** Every run of `npm test` takes a part of what takes minutes; CI takes it in full after it: `ONQUEUE_TEST_FULL=1`. */
export const inFull = <Value>(full: Value, part: Value) => (isInFull ? full : part)

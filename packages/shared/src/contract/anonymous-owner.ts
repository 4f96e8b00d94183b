/** The owner of predictions that were made without keys, so no key may have this name. */
export const anonymousOwner = 'anonymous'

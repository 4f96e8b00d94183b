/** A time in ms since the epoch as resources show it; null where there is none. */
export const toIso = (ms: number | null) => (ms === null ? null : new Date(ms).toISOString())

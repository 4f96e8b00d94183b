import type { Redis } from 'ioredis'

/** Where records are kept: a connection, and the first part of every key (`ONQUEUE_PREFIX`). */
export type RedisStore = { redis: Redis; namespace: string }

/** The same for records with times: `clock` is Redis' (ms since the epoch), whatever the clock of the machine says. */
export type DatedStore = RedisStore & { clock: () => number }

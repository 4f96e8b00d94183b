import type { Redis } from 'ioredis'

/** Where records are kept: a connection, and the first part of every key (`ONQUEUE_PREFIX`). */
export type RedisStore = { redis: Redis; namespace: string }

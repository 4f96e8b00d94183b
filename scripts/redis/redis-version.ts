/** BullMQ's scripts and ours use commands and options that came with 7.0. */
const oldestMajor = 7

/** `redis-server --version` says `Redis server v=7.0.15 …`, Valkey `Server v=8.0.1 …`. */
export const parseVersion = (output: string) => /\bv=(\d+\.\d+\.\d+)/.exec(output)?.[1] ?? 'unknown'

/** One that can't be read is let through: a fork that says nothing of the kind may well serve. */
export const isTooOld = (version: string) => Number.parseInt(version, 10) < oldestMajor

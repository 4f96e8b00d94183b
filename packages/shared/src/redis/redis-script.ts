import type { IRedisTransaction } from 'bullmq'
import type { ChainableCommander, Redis } from 'ioredis'
import type { z } from 'zod'

/**
 * A Lua script that Redis runs as one step. What the caller gives it has names on both sides: each name of `keys` and
 * `args` is a local of the script.
 *
 * Where the number of keys or arguments varies, the caller gives the rest in `moreKeys` and `moreArgs`; the script finds
 * them in KEYS and ARGV, behind the first `keyCount` and `argCount`.
 */
export type RedisScript<Key extends string, Arg extends string, Reply> = {
  /** The script on a connection; once for each, before there is a pipeline of it. */
  on(redis: Redis): {
    /** Throws a ZodError where Redis replies something else than `reply`. */
    run(call: ScriptCall<Key, Arg>): Promise<Reply>
    /** Adds it to a pipeline of the connection, BullMQ's included. Its reply is among those of `exec`, unparsed. */
    addTo(pipeline: ChainableCommander | IRedisTransaction, call: ScriptCall<Key, Arg>): void
  }
}

export type ScriptCall<Key extends string, Arg extends string> = {
  keys: Record<Key, string>
  args: Record<Arg, string | number>
  moreKeys?: readonly string[]
  moreArgs?: readonly (string | number)[]
}

/**
 * `name` is unique among all scripts: it is the command's name on a connection.
 *
 * `allowOom` is for what makes room, or is owed: it is run in a Redis that has reached its maxmemory, which refuses every
 * other script that writes.
 */
export const redisScript = <const Key extends string, const Arg extends string, Reply extends z.ZodType>({
  name,
  keys,
  args,
  reply,
  lua,
  allowOom = false,
}: {
  name: string
  keys: readonly Key[]
  args: readonly Arg[]
  reply: Reply
  lua: string
  allowOom?: boolean
}): RedisScript<Key, Arg, z.infer<Reply>> => {
  const text = [
    ...(allowOom ? ['#!lua flags=allow-oom'] : []),
    ...localsOf('KEYS', keys),
    ...localsOf('ARGV', args),
    `local keyCount, argCount = ${keys.length}, ${args.length}`,
    lua.trim(),
  ].join('\n')

  const valuesOf = ({ keys: named, args: given, moreKeys = [], moreArgs = [] }: ScriptCall<Key, Arg>) => [
    keys.length + moreKeys.length,
    ...keys.map((key) => named[key]),
    ...moreKeys,
    ...args.map((arg) => given[arg]),
    ...moreArgs,
  ]

  const known = new WeakSet<Redis>()
  return {
    on: (redis) => {
      // what was defined anew is sent as a whole again
      if (!known.has(redis)) redis.defineCommand(name, { lua: text })
      known.add(redis)
      return {
        run: async (call) =>
          reply.parse(await Reflect.apply(Reflect.get(redis, name), redis, valuesOf(call))),
        addTo: (pipeline, call) => void Reflect.apply(Reflect.get(pipeline, name), pipeline, valuesOf(call)),
      }
    },
  }
}

const localsOf = (table: 'KEYS' | 'ARGV', names: readonly string[]) =>
  names.length === 0 ? [] : [`local ${names.join(', ')} = unpack(${table}, 1, ${names.length})`]

import type { Redis } from 'ioredis'

/** A script for functions that are given the connection with each call: it is defined on each once. */
export const scriptsOn = <Script>({ on }: { on: (redis: Redis) => Script }) => {
  const scripts = new WeakMap<Redis, Script>()
  return (redis: Redis): Script => {
    const script = scripts.get(redis) ?? on(redis)
    scripts.set(redis, script)
    return script
  }
}

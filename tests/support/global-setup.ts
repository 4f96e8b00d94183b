import type { TestProject } from 'vitest/node'
import { startSharedRedis } from './shared-redis.ts'

declare module 'vitest' {
  export interface ProvidedContext {
    redisUrl: string
  }
}

/** One Redis for the whole run; every stack has a prefix of its own in it. */
export default async ({ provide }: TestProject) => {
  const redis = await startSharedRedis()
  provide('redisUrl', redis.url)
  return () => redis.close()
}

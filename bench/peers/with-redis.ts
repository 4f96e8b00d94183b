import { readCommand } from '../processes/proc.ts'
import { openEmbeddedRedis } from '../stack/embedded-redis.ts'
import type { EmbeddedRedis } from '../stack/embedded-redis.ts'
import type { RunningServer } from './contender.ts'

/** A server with a Redis of its own, as `npm start` runs it: with an append-only file, flushed every second. */
export const withRedis = async (
  start: (redis: EmbeddedRedis, opened: AsyncDisposableStack) => Promise<RunningServer>,
): Promise<RunningServer> => {
  await using opened = new AsyncDisposableStack()
  const redis = await openEmbeddedRedis()
  opened.defer(redis.close)
  const server = await start(redis, opened)
  opened.defer(server.close)

  const running = opened.move()
  return {
    url: server.url,
    listProcesses: () => [...server.listProcesses(), { pid: redis.pid, command: readCommand(redis.pid) }],
    close: () => running.disposeAsync(),
  }
}

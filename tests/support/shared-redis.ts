import { startTestRedis } from '../../scripts/redis/start-test-redis.ts'

/** The Redis of a whole test run: a local server, or with `ONQUEUE_TEST_REDIS=docker` a container. */
export const startSharedRedis = async (): Promise<{ url: string; close: () => Promise<unknown> }> => {
  if (process.env['ONQUEUE_TEST_REDIS'] !== 'docker') return startTestRedis()
  const { GenericContainer, Wait } = await import('testcontainers')
  const container = await new GenericContainer('redis:7-alpine')
    .withExposedPorts(6379)
    .withCommand(['redis-server', '--bind', '0.0.0.0', '--protected-mode', 'no', '--maxmemory', '1gb'])
    .withWaitStrategy(Wait.forLogMessage(/Ready to accept connections/))
    .start()
  return {
    url: `redis://${container.getHost()}:${container.getMappedPort(6379)}`,
    close: () => container.stop(),
  }
}

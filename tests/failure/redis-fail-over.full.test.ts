import { once } from 'node:events'
import { connect, createServer } from 'node:net'
import { Redis } from 'ioredis'
import { expect, test, vi } from 'vitest'
import { startTestRedis } from '../../scripts/redis/start-test-redis.ts'
import { submitInForm } from '../support/forms.ts'
import { patient } from '../support/one-of-each.ts'
import { startStack, testModel } from '../support/stack.ts'

/** An address that leads to the primary, as a name or a load balancer does: connections that are made stay where they are. */
const startAddress = async (primary: string) => {
  let { port } = new URL(primary)
  const server = createServer((socket) => {
    const upstream = connect(Number(port), '127.0.0.1')
    socket.pipe(upstream).pipe(socket)
    for (const one of [socket, upstream]) {
      one.on('error', () => undefined)
      one.on('close', () => [socket, upstream].forEach((end) => end.destroy()))
    }
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  const url = new URL(primary)
  url.port = String(typeof address === 'object' && address ? address.port : 0)
  return {
    url: url.href,
    leadTo: (redisUrl: string) => ({ port } = new URL(redisUrl)),
    close: () => server.close(),
  }
}

/** Both have the password of the first. */
const follow = async (replica: Redis, { primary, password }: { primary: string; password: string }) => {
  await replica.config('SET', 'requirepass', password)
  await replica.config('SET', 'masterauth', password)
  await replica.replicaof('127.0.0.1', new URL(primary).port)
}

const untilInSync = (replica: Redis) =>
  vi.waitFor(async () => expect(await replica.info('replication')).toContain('master_link_status:up'), {
    timeout: 20_000,
    interval: 50,
  })

test('after a fail-over every connection moves to the new primary, and what was accepted is finished there', async () => {
  const [first, second] = await Promise.all([startTestRedis(), startTestRedis()])
  const [old, fresh] = [new Redis(first.url), new Redis(second.url)]
  const address = await startAddress(first.url)
  const password = decodeURIComponent(new URL(first.url).password)
  await follow(fresh, { primary: first.url, password })
  await untilInSync(fresh)
  const stack = await startStack({ models: [testModel('throws'), patient], redisUrl: address.url })
  try {
    const webhooks = await stack.startWebhooks()
    const apps = [stack.api, ...stack.workers, webhooks]
    const asked = Array.from({ length: 20 }, (_, i) => ({ input: { n: [100 + i] } }))
    const { ids: accepted } = await submitInForm(stack, 'patient', asked, { companion: { n: [1] } })
    await old.wait(1, 5000)

    await fresh.replicaof('NO', 'ONE')
    address.leadTo(second.url)
    stack.redis.disconnect(true)
    await follow(old, { primary: second.url, password })
    const failedOverAt = performance.now()
    await vi.waitFor(
      async () => {
        const answer = await stack.client.submit('throws', { i: 4 }, {}, { prefer: 'wait=10' })
        expect(answer).toMatchObject({ status: 201, body: { status: 'succeeded' } })
        const checks = await Promise.all(apps.map(({ url }) => fetch(`${url}/readyz`)))
        expect(checks.map(({ status }) => status)).toEqual([200, 200, 200])
      },
      { timeout: 20_000, interval: 50 },
    )
    const movedMs = performance.now() - failedOverAt

    expect(movedMs).toBeLessThan(5000)
    const ended = await Promise.all(accepted.map((id) => stack.client.untilFinal(id)))
    expect(ended.map(({ body }) => body?.status)).toEqual(accepted.map(() => 'succeeded'))
    // those that BullMQ blocks on, and those that only listen, too
    await vi.waitFor(
      async () => expect(String(await old.client('LIST', 'TYPE', 'NORMAL'))).not.toContain('name=onqueue'),
      { timeout: 10_000, interval: 50 },
    )
    expect(String(await old.client('LIST', 'TYPE', 'PUBSUB'))).not.toContain('name=onqueue')
  } finally {
    await stack.close()
    address.close()
    old.disconnect()
    fresh.disconnect()
    await Promise.all([first.close(), second.close()])
  }
})

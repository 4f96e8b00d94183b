import { beat, createLogger, globalKeys, publishCard, untilReady } from '@onqueue/shared'
import { Redis } from 'ioredis'
import { expect, inject, onTestFinished, test } from 'vitest'
import { leaveRedis } from '../../../../tests/support/leave-redis.ts'
import { createChannels } from '../redis/channels.ts'
import { createModelCatalog } from './model-catalog.ts'
import { servedVersion } from './model-entry.fixture.ts'

const log = createLogger({ service: 'test', level: 'silent' })

/** A Redis with one model in it, and a connection of an API whose reads of cards can be refused from now on. */
const openStore = async (namespace: string) => {
  const admin = new Redis(inject('redisUrl'))
  onTestFinished(() => leaveRedis(admin, namespace))
  await publishCard({ redis: admin, namespace }, servedVersion({ model: 'iris' }).card)
  const user = `${namespace}-api`
  await admin.call('ACL', 'SETUSER', user, 'on', '>secret', '~*', '&*', '+@all')
  onTestFinished(async () => void (await admin.call('ACL', 'DELUSER', user)))
  const url = Object.assign(new URL(inject('redisUrl')), { username: user, password: 'secret' }).href
  const [redis, subscriber] = [new Redis(url), new Redis(url)]
  onTestFinished(() => [redis, subscriber].forEach((connection) => connection.disconnect()))
  await Promise.all(
    [redis, subscriber].map((connection) => untilReady(connection, AbortSignal.timeout(5000))),
  )
  return {
    options: { redis, namespace, clock: Date.now, channels: createChannels(subscriber), log, refreshMs: 10 },
    admin,
    refuseCards: () => admin.call('ACL', 'SETUSER', user, '-hvals'),
  }
}

test('an API does not start without any model because Redis went while it read them', async () => {
  const { options, refuseCards } = await openStore('catalog-start-test')
  await refuseCards()

  await expect(createModelCatalog(options)).rejects.toThrow('NOPERM')
})

test('a version that keeps failing takes predictions that may wait where it was loaded once, and says why it has none at once', async () => {
  const { options, admin } = await openStore('catalog-failing-test')
  const { version, card } = servedVersion({ model: 'iris' })
  const reason = 'its executor was ended by SIGKILL'
  const failing = {
    version,
    digest: card.digest,
    status: 'loading',
    keepsFailing: true,
    reason,
    memoryBytes: 0,
  } as const
  const heartbeat = { workerId: 'w', at: Date.now(), rowsPerSecond: 0, versions: [failing] }
  await beat({ redis: admin, namespace: 'catalog-failing-test' }, 'iris', { heartbeat, published: [] })
  const catalog = await createModelCatalog(options)
  onTestFinished(() => catalog.close())

  const waiting = catalog.resolve('iris', { version: undefined, needsWorker: false })
  const atOnce = () => catalog.resolve('iris', { version: undefined, needsWorker: true })

  expect(waiting).toMatchObject({ status: 'unavailable', reason })
  expect(atOnce).toThrow(
    'model "iris" has no worker that is ready for it; try again, or submit a prediction that may wait: its executor was ended by SIGKILL',
  )
})

test('what is known of the models stays while Redis refuses to tell', async () => {
  const { options, admin, refuseCards } = await openStore('catalog-keep-test')
  const catalog = await createModelCatalog(options)
  onTestFinished(() => catalog.close())
  const commands = async () =>
    Number(/cmdstat_hvals:.*rejected_calls=(\d+)/.exec(await admin.info('commandstats'))?.[1] ?? 0)
  const before = await commands()

  await refuseCards()
  await admin.publish(globalKeys('catalog-keep-test').cardChanges, 'iris')
  await expect.poll(commands, { timeout: 10_000 }).toBeGreaterThan(before + 2)

  expect(catalog.list().map(({ name }) => name)).toEqual(['iris'])
})

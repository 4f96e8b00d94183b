import { createKeyWalk, deliveryKeys, endpointOf, levelOf, Rounds } from '@onqueue/shared'
import type { DatedStore, DeliveryStore, Logger } from '@onqueue/shared'
import { countBytesAgain, repairDelivery } from './repair-delivery.ts'

const intervalMs = 1000

/**
 * Looks for deliveries of which Redis has lost a part, and for counts that are wrong, over all keys of deliveries: a step a
 * second, and where it finds some it goes on at once, as there are likely to be more.
 */
export const createLossFinder = ({
  redis,
  namespace,
  clock,
  deliveries,
  log,
  onRepaired,
}: DatedStore & {
  deliveries: Pick<DeliveryStore, 'read'>
  log: Logger
  onRepaired: (kind: string) => void
}) => {
  const keys = deliveryKeys(namespace)
  const walk = createKeyWalk({ redis, namespace }, ':{+deliveries}:')
  const [repair, countBytes] = [repairDelivery.on(redis), countBytesAgain.on(redis)]
  const rounds = new Rounds({
    run: () => look(),
    intervalMs,
    onError: (err) => log[levelOf(err)]({ err }, 'deliveries could not be looked through'),
  })

  const tell = (kinds: string[], of: object) => {
    for (const kind of kinds) onRepaired(kind)
    if (kinds.length > 0) log.error({ ...of, kinds }, 'redis had lost parts of a delivery: put right')
    return kinds.length
  }

  const repairOne = async (id: string) => {
    const record = await deliveries.read(id)
    if (!record) return 0
    const endpoint = endpointOf(record)
    const repaired = await repair.run({
      keys: {
        delivery: keys.delivery(id),
        schedule: keys.schedule(endpoint),
        endpoints: keys.endpoints,
        state: keys.endpoint(endpoint),
        index: keys.index(record.owner),
        origins: keys.origins(record.owner),
        delivered: keys.delivered,
        failed: keys.failed,
      },
      args: {
        id,
        endpoint,
        origin: new URL(record.url).origin,
        createdAt: record.createdAt,
        now: clock(),
      },
    })
    return tell(repaired, { deliveryId: id })
  }

  /** A body without its delivery is sent to nobody. */
  const dropBody = async (id: string) => {
    if ((await redis.exists(keys.delivery(id))) === 1 || (await redis.del(keys.body(id))) === 0) return 0
    return tell(['body'], { deliveryId: id })
  }

  const correctBytes = async (owner: string) => {
    const off = await countBytes.run({
      keys: { index: keys.index(owner), bytes: keys.bytes(owner) },
      args: { bodyStart: keys.body('') },
    })
    return off === 0 ? 0 : tell(['bytes'], { owner, off })
  }

  const look = async () => {
    for (let hasFound = false; !rounds.isClosed;) {
      const { keys: found, isRoundOver } = await walk.next()
      const idsBehind = (start: string) =>
        found.filter((key) => key.startsWith(start)).map((key) => key.slice(start.length))
      for (const id of idsBehind(keys.delivery(''))) hasFound = (await repairOne(id)) > 0 || hasFound
      for (const id of idsBehind(keys.body(''))) hasFound = (await dropBody(id)) > 0 || hasFound
      // last, since what was repaired before may count
      const owners = new Set([...idsBehind(keys.index('')), ...idsBehind(keys.bytes(''))])
      for (const owner of owners) hasFound = (await correctBytes(owner)) > 0 || hasFound
      if (!hasFound || isRoundOver) return
    }
  }

  return {
    look,
    close: () => rounds.close(),
  }
}

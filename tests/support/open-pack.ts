import {
  anonymousOwner,
  createOpenPack,
  memberIdOf,
  modelKeys,
  newPredictionId,
  openPredictionQueue,
  packIdOf,
} from '@onqueue/shared'
import type { NewClaim, OpenedPack, PredictionJobData, RedisStore } from '@onqueue/shared'
import type { Redis } from 'ioredis'
import { vi } from 'vitest'
import { z } from 'zod'

/** What a prediction of a test's pack has beside its input. */
type Asked = Partial<PredictionJobData> & { input: unknown; claim?: NewClaim; cancelAfterMs?: number }

type TestPack = { packId: string; ids: string[]; opened: OpenedPack }

/**
 * Puts a pack into the queue as the API does. `shared` is what its predictions have in common; the version has to be one that
 * there is where a worker is to run them.
 */
export const openTestPack = async (
  { redis, namespace }: RedisStore,
  asked: readonly Asked[],
  {
    latestAt = Infinity,
    attempts = 3,
    ...shared
  }: Partial<PredictionJobData> & { latestAt?: number; attempts?: number } = {},
): Promise<TestPack> => {
  const model = shared.model ?? 'iris'
  const [seconds, micros] = await redis.time()
  const createdAt = shared.createdAt ?? Number(seconds) * 1000 + Math.floor(Number(micros) / 1000)
  const packId = packIdOf(newPredictionId(model, createdAt))
  const toMember = ({ input, claim, cancelAfterMs, ...job }: Asked, index: number) => {
    const inputText = JSON.stringify(input)
    const common = {
      model,
      version: '1',
      digest: 'd',
      owner: anonymousOwner,
      priority: 'normal',
      createdAt,
    } as const
    return {
      id: memberIdOf(packId, index + 1),
      inputText,
      claim,
      job: {
        ...common,
        requestId: `request-${index + 1}`,
        arrayLength: Array.isArray(input) ? input.length : null,
        metadata: {},
        deadline: cancelAfterMs === undefined ? null : createdAt + cancelAfterMs,
        inputBytes: Buffer.byteLength(inputText),
        ...shared,
        ...job,
      },
    }
  }
  const [first, ...others] = asked
  if (!first) throw new Error('a pack has a prediction')
  const members = [toMember(first, 0), ...others.map((one, index) => toMember(one, index + 1))] as const
  const queue = openPredictionQueue(redis, namespace, model)
  const latest = Number.isFinite(latestAt) ? latestAt : Number.MAX_SAFE_INTEGER
  const opened = await createOpenPack({ redis, namespace })(queue, { packId, members, attempts }, latest)
  await queue.close()
  return { packId, ids: members.map(({ id }) => id), opened }
}

/** The same in a stack, for the version of a model that it serves. */
export const openPackIn = async (
  { redis, prefix }: { redis: Redis; prefix: string },
  model: string,
  asked: readonly Asked[],
  shared: Parameters<typeof openTestPack>[2] = {},
) => {
  // a card that Redis has lost is soon published again
  const { version, digest } = await vi.waitFor(
    async () => {
      const [card] = await redis.hvals(modelKeys(prefix, model).cards)
      return cardSchema.parse(JSON.parse(card ?? ''))
    },
    { timeout: 10_000, interval: 50 },
  )
  return openTestPack({ redis, namespace: prefix }, asked, { model, version, digest, ...shared })
}

const cardSchema = z.object({ version: z.string(), digest: z.string() })

import { modelKeys } from '@onqueue/shared'
import { expect, vi } from 'vitest'
import { inFull } from './in-full.ts'
import { openPackIn } from './open-pack.ts'
import type { Stack } from './stack.ts'

/**
 * How the predictions of a test are kept: each as a job by itself, or in packs of eight and more. What becomes of them is the
 * same in both.
 */
export type Form = 'alone' | 'packed'

/** That of every run of `npm test`, and that of CI after it. */
export const form = inFull<Form>('packed', 'alone')

/** For the API, where that has to make the packs. */
export const formSettings = (as = form) => ({ ONQUEUE_PACKS: String(as === 'packed') })

export const leastPacked = 8

type Asked = {
  input: unknown
  metadata?: Record<string, string>
  /** is told of its end */
  webhook?: string
  cancelAfterMs?: number
}

type Submitted = {
  ids: string[]
  /** those of BullMQ that they are in */
  jobIds: string[]
}

type Queue = Pick<Stack, 'client' | 'redis' | 'prefix'>

/**
 * Submits predictions: through the API, or in packs that are put into the queue as the API does, of eight or of `most`. A pack of less
 * than eight is filled up with companions.
 */
export const submitInForm = async (
  stack: Queue,
  model: string,
  asked: readonly Asked[],
  { companion, as = form, most = leastPacked }: { companion: unknown; as?: Form; most?: number },
): Promise<Submitted> => {
  if (as === 'alone') {
    const ids = await Promise.all(asked.map((one) => submitAlone(stack, model, one)))
    return { ids, jobIds: ids }
  }
  const packs = await Promise.all(
    partsOf(asked, most).map((part) => submitPacked(stack, model, part, { companion })),
  )
  return { ids: packs.flatMap(({ ids }) => ids), jobIds: packs.map(({ packId }) => packId) }
}

const submitAlone = async (
  { client }: Queue,
  model: string,
  { input, metadata, webhook, cancelAfterMs }: Asked,
) => {
  const headers: Record<string, string> =
    cancelAfterMs === undefined ? {} : { 'cancel-after': `${cancelAfterMs / 1000}` }
  const { status, body } = await client.submit(model, input, { metadata, webhook }, headers)
  expect(status).toBe(202)
  return String(body.id)
}

const partsOf = (asked: readonly Asked[], most: number) =>
  Array.from({ length: Math.ceil(asked.length / most) }, (_, index) =>
    asked.slice(index * most, (index + 1) * most),
  )

const submitPacked = async (
  stack: Queue,
  model: string,
  asked: readonly Asked[],
  { companion }: { companion: unknown },
) => {
  const companions = Array.from({ length: Math.max(0, leastPacked - asked.length) }, () => ({
    input: companion,
  }))
  const members = asked.map(({ webhook: url, ...one }) =>
    url === undefined
      ? one
      : { ...one, webhook: { url, events: ['completed' as const], payload: 'full' as const } },
  )
  const { packId, ids } = await openPackIn(stack, model, [...members, ...companions])
  expect(await sizeOfPack(stack, model, packId)).toBeGreaterThanOrEqual(leastPacked)
  return { packId, ids: ids.slice(0, asked.length) }
}

/** By what Redis has of it. */
const sizeOfPack = async ({ redis, prefix }: Omit<Queue, 'client'>, model: string, packId: string) => {
  const { pack, queue } = modelKeys(prefix, model)
  const [hasJob, fields] = await Promise.all([redis.exists(queue(packId)), redis.hkeys(pack(packId))])
  return hasJob === 1 ? fields.filter((field) => field.startsWith('j')).length : 0
}

/** How many packs of a model Redis has that are jobs of eight predictions or more. */
export const countPacks = async (stack: Omit<Queue, 'client'>, model: string) => {
  const start = modelKeys(stack.prefix, model).pack('')
  const keys = await stack.redis.keys(`${start}*`)
  const sizes = await Promise.all(keys.map((key) => sizeOfPack(stack, model, key.slice(start.length))))
  return sizes.filter((size) => size >= leastPacked).length
}

/**
 * Where predictions are to be in packs: resolves when an API makes some of eight or more of what is submitted together, which it does
 * once everybody was known to read them for 8 s.
 */
export const untilPacked = async (stack: Queue, { client = stack.client, as = form } = {}) => {
  if (as === 'alone') return
  await vi.waitFor(
    async () => {
      const before = await countPacks(stack, 'throws')
      const answers = await Promise.all(Array.from({ length: 32 }, () => client.submit('throws', { i: 1 })))
      expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([202]))
      await Promise.all(answers.map(({ body }) => stack.client.untilFinal(body.id)))
      expect(await countPacks(stack, 'throws')).toBeGreaterThan(before)
    },
    { timeout: 30_000, interval: 200 },
  )
}

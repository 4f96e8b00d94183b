import { setImmediate as turn } from 'node:timers/promises'
import { packIdOf } from '@onqueue/shared'
import type { NewMember, PredictionJobData } from '@onqueue/shared'
import { beforeEach, expect, test } from 'vitest'
import { createPackSubmits } from './pack-submits.ts'
import type { JoiningPrediction } from './pack-submits.ts'

type Sent = {
  packId: string | undefined
  ids: string[]
  answer: (leftOut?: string[]) => void
  refuse: (err: Error) => void
}

let sent: Sent[]
let packs: ReturnType<typeof createPackSubmits>

beforeEach(() => {
  sent = []
  const send = (packId: string | undefined, members: readonly NewMember[]) => {
    const { promise, resolve, reject } = Promise.withResolvers<string[]>()
    sent.push({
      packId,
      ids: members.map(({ id }) => id),
      answer: (leftOut = []) => resolve(leftOut),
      refuse: reject,
    })
    return promise
  }
  packs = createPackSubmits({
    sendAlone: async (member) => void (await send(undefined, [member])),
    sendPack: (packId, members) => send(packId, members),
  })
})

const job: PredictionJobData = {
  model: 'iris',
  version: '1',
  digest: 'd1',
  owner: 'alice',
  requestId: 'request',
  input: {},
  inputBytes: 2,
  arrayLength: null,
  priority: 'normal',
  metadata: {},
  deadline: null,
  createdAt: 1000,
}
const join = (changes: Partial<PredictionJobData> = {}, options: Partial<JoiningPrediction> = {}) =>
  packs.join({ job: { ...job, ...changes }, inputText: '{}', attempts: 1, maxRows: 64, ...options })
const sizes = () => sent.map(({ ids }) => ids.length)

test('one that comes alone leaves at the end of its turn, as a prediction by itself', async () => {
  const { id, enqueued } = join()
  expect(sizes()).toEqual([])
  await turn()

  expect(sent).toMatchObject([{ packId: undefined, ids: [id] }])
  sent[0]?.answer()
  expect(await enqueued).toEqual(job)
})

test('those of one turn leave together, and are as old as the first', async () => {
  const joined = [join(), join({ createdAt: 1001 }), join({ createdAt: 1002 })]
  await turn()

  expect(sizes()).toEqual([3])
  const packId = packIdOf(joined[0]?.id ?? '')
  expect(sent[0]).toMatchObject({ packId, ids: joined.map(({ id }) => id) })
  expect(joined.map(({ id }) => id)).toEqual(['01', '02', '03'].map((end) => packId.slice(0, -2) + end))
  sent[0]?.answer()
  expect(await Promise.all(joined.map(({ enqueued }) => enqueued))).toEqual(
    [1, 2, 3].map(() => ({ ...job, packId })),
  )
})

test('while some are on their way others gather, and leave when those are answered', async () => {
  join()
  await turn()
  join()
  await turn()
  join()
  await turn()
  expect(sizes()).toEqual([1])

  sent[0]?.answer()
  await turn()

  expect(sizes()).toEqual([1, 2])
})

test('a refusal lets the next ones go as an answer does, and is told to those that it is about', async () => {
  const first = join()
  await turn()
  const second = join()

  sent[0]?.refuse(new Error('refused'))
  await expect(first.enqueued).rejects.toThrow('refused')
  await turn()

  expect(sizes()).toEqual([1, 1])
  sent[1]?.answer()
  expect(await second.enqueued).toEqual(job)
})

test('what is full leaves at once: by rows, those of arrays included', async () => {
  join({}, { maxRows: 4 })
  join({ arrayLength: 3 }, { maxRows: 4 })
  expect(sizes()).toEqual([2])
  join({ arrayLength: 2 }, { maxRows: 4 })
  join({ arrayLength: 3 }, { maxRows: 4 })

  expect(sizes()).toEqual([2, 1])
})

test('what comes later than a quarter of a second after the first is no more among them', async () => {
  join()
  await turn()
  for (const createdAt of [1000, 1250, 1251, 1400]) join({ createdAt })
  await turn()
  expect(sizes()).toEqual([1, 2])

  sent[0]?.answer()
  await turn()
  expect(sizes()).toEqual([1, 2, 2])
})

test('and by bytes', async () => {
  for (let count = 0; count < 6; count++) join({ inputBytes: 60 * 1024 })

  expect(sizes()).toEqual([4])
})

const claimOf = (id: string) => ({ key: `key of ${id}`, text: `claim of ${id}`, ttlMs: 1000 })

test('one with an idempotency key is a pack also where it is alone, and none of it is with those without', async () => {
  const { id } = join({}, { claimOf })
  join()
  await turn()

  expect(sent.map(({ packId, ids }) => [packId, ids.length])).toEqual([
    [packIdOf(id), 1],
    [undefined, 1],
  ])
})

test('one whose idempotency key another has is not in the queue, and those beside it are', async () => {
  const [first, second] = [join({}, { claimOf }), join({}, { claimOf })]
  await turn()
  sent[0]?.answer([second.id])

  expect(await first.enqueued).toMatchObject({ packId: packIdOf(first.id) })
  expect(await second.enqueued).toBe(null)
})

test('only those go together that have in common what a pack has', async () => {
  join()
  join({ owner: 'bob' })
  join({ priority: 'high' })
  join({ digest: 'd2' })
  join({ replyTo: 'api' })
  join({ keyId: 'key' })
  join({ model: 'other' })
  join({}, { attempts: 2 })
  join({ requestId: 'another', metadata: { a: 'b' }, deadline: 5000, arrayLength: 2 })
  await turn()

  expect(sizes().toSorted((a, b) => a - b)).toEqual([1, 1, 1, 1, 1, 1, 1, 2])
})

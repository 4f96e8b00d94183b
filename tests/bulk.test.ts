import { modelKeys } from '@onqueue/shared'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { inParallel } from './support/in-parallel.ts'
import { startStack, testModel } from './support/stack.ts'
import type { Stack } from './support/stack.ts'

const path = '/v1/models/throws/predictions/bulk'
const backlogLimit = 2000
const item = (i: number, fields: object = {}) => ({ input: { i }, ...fields })
const many = (count: number) => Array.from({ length: count }, (_, i) => item(i % 9))
const lines = { 'content-type': 'application/x-ndjson' }
const toLines = (items: readonly unknown[]) => items.map((one) => JSON.stringify(one)).join('\n')
const parseLines = (text: string) =>
  text
    .trimEnd()
    .split('\n')
    .map((line): { id?: string; code?: string; detail?: string } => JSON.parse(line))

/** Many predictions with one request, at an API that makes packs, and at one that does not. */
describe.each(['packs', 'jobs by themselves'])('in %s', (kind) => {
  let stack: Stack

  beforeAll(async () => {
    stack = await startStack({
      models: [testModel('throws')],
      environment: {
        ONQUEUE_PACKS: String(kind === 'packs'),
        ONQUEUE_BACKLOG_LIMIT: String(backlogLimit),
      },
    })
    const isPacked = async () => {
      const { body } = await bulk(many(16))
      await Promise.all(body.map(({ id }: { id: string }) => stack.client.untilFinal(id)))
      expect(await countPacks()).toBeGreaterThan(0)
    }
    if (kind === 'packs') await vi.waitFor(isPacked, { timeout: 30_000, interval: 200 })
  })
  afterAll(() => stack.close())

  const countPacks = async () => (await stack.redis.keys(modelKeys(stack.prefix, 'throws').pack('*'))).length
  const bulk = (body: unknown, headers?: Record<string, string>) =>
    stack.client.call('POST', path, body, headers)
  const untilFinal = async (ids: readonly string[]) =>
    // all at once may be more connections than one address may have
    inParallel(ids.length, 64, async (index) => (await stack.client.untilFinal(ids[index] ?? '')).body)
  const whileWorkerIsFrozen = async (act: () => Promise<void>) => {
    const [worker] = stack.workers
    worker?.signal('SIGSTOP')
    try {
      await act()
    } finally {
      worker?.signal('SIGCONT')
    }
  }

  test('each has its own id, links and result, in the order of the request', async () => {
    const before = await countPacks()

    const { status, headers, body } = await bulk(many(200))

    expect(status).toBe(202)
    expect(Number(headers.get('retry-after'))).toBeGreaterThan(0)
    const ids = body.map(({ id }: { id: string }) => id)
    expect(new Set(ids).size).toBe(200)
    const ended = await untilFinal(ids)
    expect(ended.map(({ input, output }) => [input, output])).toEqual(
      many(200).map(({ input }) => [input, { value: input.i * 10 }]),
    )
    expect(body.map(({ urls }: { urls: unknown }) => urls)).toEqual(ended.map(({ urls }) => urls))
    if (kind === 'packs') expect((await countPacks()) - before).toBeLessThan(20)
  })

  test('what is wrong with one fails none of the others, and has the status and the code that it has by itself', async () => {
    const bad: [unknown, object][] = [
      ['text', { status: 422, code: 'invalid_input', errors: [{ pointer: '/input' }] }],
      [{ input: { i: 'x' } }, { status: 422, code: 'invalid_input', errors: [{ pointer: '/input/i' }] }],
      [
        { input: { i: 1 }, wat: 1 },
        { status: 422, code: 'invalid_input' },
      ],
      [
        { input: { i: 1 }, version: '9' },
        { status: 422, code: 'version_not_found' },
      ],
      [
        { input: { i: 1 }, webhook: 'ftp://x' },
        { status: 422, errors: [{ pointer: '/webhook' }] },
      ],
      [
        { input: { i: 1 }, webhook_payload: 'thin' },
        { status: 422, errors: [{ pointer: '/webhook_payload' }] },
      ],
    ]
    const doubled = '{"input":{"i":1,"i":2}}'
    const items = [...bad.map(([one]) => JSON.stringify(one)), doubled]

    const { status, body } = await bulk(`[${items.flatMap((one) => [one, JSON.stringify(item(3))]).join()}]`)

    expect(status).toBe(202)
    const refused = body.filter((_: unknown, index: number) => index % 2 === 0)
    const accepted = body.filter((_: unknown, index: number) => index % 2 === 1)
    expect(refused).toMatchObject([
      ...bad.map(([, expected]) => expected),
      { status: 422, errors: [{ pointer: '/input/i', detail: expect.stringContaining('twice') }] },
    ])
    const ended = await untilFinal(accepted.map(({ id }: { id: string }) => id))
    expect(ended.map(({ output }) => output)).toEqual(accepted.map(() => ({ value: 30 })))
  })

  test('lines are answered by lines, and one that is no JSON says where it is', async () => {
    const answer = await bulk(`${toLines([item(1)])}\r\n\n{"input"\n${toLines([item(2)])}`, lines)

    expect(answer.status).toBe(202)
    expect(answer.headers.get('content-type')).toBe('application/x-ndjson')
    const [first, broken, last] = parseLines(answer.text)
    expect(broken).toMatchObject({ status: 400, code: 'malformed_json' })
    expect(broken?.detail).toContain('line 3, column 9')
    const ended = await untilFinal([String(first?.id), String(last?.id)])
    expect(ended.map(({ output }) => output)).toEqual([{ value: 10 }, { value: 20 }])
  })

  test('where none is accepted the answer is the problem, with that of each', async () => {
    const { status, headers, body } = await bulk([{ input: { i: 'x' } }, item(1, { version: '9' }), 7])

    expect(status).toBe(422)
    expect(headers.get('content-type')).toBe('application/problem+json')
    expect(body).toMatchObject({
      code: 'invalid_input',
      detail: expect.stringContaining('none of 3 predictions was accepted; number 1: '),
      errors: [{ pointer: '/0/input/i' }],
      results: [{ code: 'invalid_input' }, { code: 'version_not_found' }, { code: 'invalid_input' }],
    })
  })

  test.each([
    ['no JSON', '[{"input":{"i":1}} {"input":{"i":1}}]', {}, 400, 'malformed_json'],
    ['an array that breaks behind a good item', '[{"input":{"i":1}},{"input" 1}]', {}, 400, 'malformed_json'],
    ['no array', '{"input":{"i":1}}', {}, 422, 'invalid_input'],
    ['an empty array', '[]', {}, 422, 'invalid_input'],
    ['1,001 items', JSON.stringify(many(1001)), {}, 422, 'invalid_input'],
    ['1,001 lines', toLines(many(1001)), lines, 422, 'invalid_input'],
    ['another content type', '[]', { 'content-type': 'text/csv' }, 415, 'unsupported_media_type'],
    ['a bad key', '[]', { 'idempotency-key': 'ä' }, 400, 'invalid_request'],
  ])('%s is refused as a whole', async (_name, text, headers, status, code) => {
    expect(await bulk(text, headers)).toMatchObject({ status, body: { code } })
  })

  test('a model that is not there is a 404', async () => {
    const answer = await stack.client.call('POST', '/v1/models/nothing/predictions/bulk', many(2))

    expect(answer).toMatchObject({ status: 404, body: { code: 'model_not_found' } })
  })

  test('a long body of 1,000 is read as a short one is', { timeout: 120_000 }, async () => {
    const long = Array.from({ length: 1000 }, (_, i) =>
      i === 700 ? item(1, { nothing: 1 }) : item(i % 9, { metadata: { text: 'x'.repeat(200) } }),
    )

    const { status, body } = await bulk(long)

    expect(status).toBe(202)
    expect(body[700]).toMatchObject({ status: 422, errors: [{ pointer: '/nothing' }] })
    const ids = body.flatMap(({ id }: { id?: string }) => (id === undefined ? [] : [id]))
    expect(new Set(ids).size).toBe(999)
    const ended = await untilFinal(ids)
    expect(ended.map(({ input }) => input)).toEqual(
      long.filter((_, i) => i !== 700).map(({ input }) => input),
    )
    expect(
      ended.every(({ status: how, output, input }) => how === 'succeeded' && output.value === input.i * 10),
    ).toBe(true)
  })

  test('each keeps what was asked of it, and is canceled by itself', async () => {
    await whileWorkerIsFrozen(async () => {
      const { body } = await bulk(
        [item(1, { priority: 'high', metadata: { a: 'b' } }), item(2), item(3, { priority: 'low' })],
        { 'cancel-after': '1h' },
      )
      const [first, second, third] = body.map(({ id }: { id: string }) => id)

      const canceled = await stack.client.call('POST', `/v1/predictions/${second}/cancel`)

      expect(canceled.body).toMatchObject({ status: 'canceled' })
      const read = async (id: string) => (await stack.client.get(`/v1/predictions/${id}`)).body
      expect(await read(first)).toMatchObject({
        status: 'queued',
        priority: 'high',
        metadata: { a: 'b' },
        deadline: expect.any(String),
      })
      expect(await read(third)).toMatchObject({ status: 'queued', priority: 'low' })
    })
  })

  test('they are let in together or not at all, and counted one by one', async () => {
    await whileWorkerIsFrozen(async () => {
      const { rows } = { rows: backlogLimit - 300 }
      for (let left = rows; left > 0; left -= 850)
        expect((await bulk(many(Math.min(850, left)))).status).toBe(202)
      // the reading of the backlog is a moment old
      await vi.waitFor(async () => expect((await bulk(many(310))).status).toBe(429), { timeout: 10_000 })

      const refused = await bulk(many(310))
      expect(refused.body).toMatchObject({ code: 'backlog_full', results: expect.any(Array) })
      expect(refused.body.results.length).toBe(310)
      expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0)
      expect((await bulk(many(250))).status).toBe(202)
    })
    const never = await bulk(Array.from({ length: 3 }, () => ({ input: Array(800).fill({ i: 1 }) })))
    expect(never).toMatchObject({ status: 422, body: { code: 'invalid_input' } })
    expect(never.body.detail).toMatch(/^the predictions have 2400 rows together.*ONQUEUE_BACKLOG_LIMIT/)
    expect(never.body.errors).toMatchObject([{ pointer: '' }])
  })

  test('a request that is repeated with its idempotency key finds its predictions', async () => {
    const key = { 'idempotency-key': 'repeated' }
    const items = [item(1), { input: { i: 'x' } }, item(2)]

    const answers = await Promise.all(Array.from({ length: 5 }, () => bulk(items, key)))

    expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 202))
    const idsOf = ({ body }: { body: { id?: string }[] }) => body.map(({ id }) => id)
    expect(new Set(answers.map((answer) => JSON.stringify(idsOf(answer)))).size).toBe(1)
    const again = await bulk(items, key)
    expect(again.headers.get('idempotency-replayed')).toBe('true')
    const [first] = answers
    expect(first && idsOf(again)).toEqual(first && idsOf(first))
    expect(again.body[1]).toMatchObject({ code: 'invalid_input' })
  })

  test('the same key with another body is refused, and is no key of a single prediction', async () => {
    const key = { 'idempotency-key': 'once' }
    const { body } = await bulk([item(1), item(2)], key)

    const other = await bulk([item(1), item(3)], key)
    const single = await stack.client.submit('throws', { i: 1 }, {}, key)

    expect(other).toMatchObject({ status: 422, body: { code: 'idempotency_key_reused' } })
    expect(single.status).toBe(202)
    expect(body.map(({ id }: { id: string }) => id)).not.toContain(single.body.id)
  })
})

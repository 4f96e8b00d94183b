import { modelKeys } from '@onqueue/shared'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { startStack } from './support/stack.ts'
import type { Stack } from './support/stack.ts'

describe.each(['jobs by themselves', 'packs'])('with predictions in %s', (kind) => {
  let stack: Stack
  const input = { features: [1, -0.5, 2.1, 0.3] }

  const countPacks = async () =>
    (await stack.redis.keys(modelKeys(stack.prefix, 'demo-classifier').pack('*'))).length

  beforeAll(async () => {
    stack = await startStack({ environment: { ONQUEUE_PACKS: String(kind === 'packs') } })
    if (kind !== 'packs') return
    const isPacked = async () => {
      const { body } = await submit(`first-${Date.now()}`)
      await stack.client.untilFinal(body.id)
      const packs = await countPacks()
      await stack.client.call('DELETE', `/v1/predictions/${body.id}`)
      expect(packs).toBeGreaterThan(0)
    }
    await vi.waitFor(isPacked, { timeout: 30_000, interval: 200 })
  })
  afterAll(() => stack.close())

  const submit = (key: string, fields: object = {}) =>
    stack.client.submit('demo-classifier', input, fields, { 'idempotency-key': key })

  test('the same key 50 times at once is one prediction', async () => {
    const answers = await Promise.all(Array.from({ length: 50 }, () => submit('fifty')))

    expect(new Set(answers.map(({ body }) => body.id)).size).toBe(1)
    expect(answers.every(({ status }) => status === 200 || status === 202)).toBe(true)
    expect(answers.filter(({ headers }) => headers.get('idempotency-replayed') === 'true').length).toBe(49)
    const listed = await stack.client.get('/v1/predictions?model=demo-classifier&limit=100')
    expect(listed.body.results.length).toBe(1)
  })

  test('a replay shows the prediction as it is now', async () => {
    const first = await submit('replayed')
    await stack.client.untilFinal(first.body.id)

    const replay = await submit('replayed')

    expect(replay.status).toBe(200)
    expect(replay.headers.get('idempotency-replayed')).toBe('true')
    expect(replay.body).toMatchObject({ id: first.body.id, status: 'succeeded' })
  })

  test('a quoted key is the same as the bare one', async () => {
    const bare = await submit('quoted')
    const quoted = await submit('"quoted"')

    expect(quoted.body.id).toBe(bare.body.id)
  })

  test('the same key with another body is refused, and goes on standing for the first', async () => {
    const first = await submit('reused')

    const other = await submit('reused', { priority: 'high' })
    const again = await submit('reused')

    expect(other.status).toBe(422)
    expect(other.body.code).toBe('idempotency_key_reused')
    expect(again.body.id).toBe(first.body.id)
  })

  test('of two bodies that race for one key one wins, and every request with the other is refused', async () => {
    const priorities = Array.from({ length: 50 }, (_, index) => (index % 2 ? 'high' : 'low'))

    const answers = await Promise.all(priorities.map((priority) => submit('raced', { priority })))

    const accepted = answers.filter(({ status }) => status !== 422)
    expect(new Set(accepted.map(({ body }) => body.id)).size).toBe(1)
    const [winner] = accepted
    const stored = await stack.client.get(`/v1/predictions/${winner?.body.id}`)
    const expected = priorities.map((priority) => (priority === stored.body.priority ? 'accepted' : 422))
    expect(answers.map(({ status }) => (status === 422 ? 422 : 'accepted'))).toEqual(expected)
  })

  test('a refusal is not remembered', async () => {
    const headers = { 'idempotency-key': 'refused-first' }
    const refused = await stack.client.submit('demo-classifier', { features: [1] }, {}, headers)

    const corrected = await stack.client.submit('demo-classifier', input, {}, headers)

    expect(refused.status).toBe(422)
    expect(corrected.status).toBe(202)
  })

  test('a key whose prediction was deleted answers 410', async () => {
    const first = await submit('deleted')
    await stack.client.untilFinal(first.body.id)
    await stack.client.call('DELETE', `/v1/predictions/${first.body.id}`)

    const replay = await submit('deleted')

    expect(replay.status).toBe(410)
    expect(replay.body.code).toBe('result_expired')
  })

  test.each(['', 'ä', 'x'.repeat(256)])('a key that is no key is refused: %j', async (key) => {
    const answer = await submit(key)

    expect(answer.status).toBe(400)
    expect(answer.body.detail).toMatch(/1 to 255/)
  })
})

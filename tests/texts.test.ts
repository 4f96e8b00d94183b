import fc from 'fast-check'
import { Webhook } from 'standardwebhooks'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { inParallel } from './support/in-parallel.ts'
import { headersOf, loopbackWebhooks, startReceiver } from './support/receiver.ts'
import type { Receiver } from './support/receiver.ts'
import { startStack, testModel } from './support/stack.ts'
import type { Stack } from './support/stack.ts'

// Text is the same text wherever it has been, or is refused where it is: over HTTP, in Redis, in a run, in a webhook.

const oddName = '\0\ufeff\u2028\r\n"\\~/%é e\u0301😀\uffff'
const names = { features: ['constructor', oddName], labels: ['toString', 'é', oddName] }

let stack: Stack
let receiver: Receiver
let secret: string

beforeAll(async () => {
  receiver = await startReceiver()
  stack = await startStack({
    models: [
      testModel('texts'),
      {
        name: 'named',
        of: 'dict-and-seq',
        settings: `task: tabular-classification\nfeatures: ${spell(names.features, 'escaped')}\nlabels: ${spell(names.labels, 'escaped')}`,
      },
    ],
    environment: loopbackWebhooks,
  })
  await stack.startWebhooks()
  secret = (await stack.client.get('/v1/webhooks/default/secret')).body.key
})
afterAll(async () => {
  await stack.close()
  await receiver.close()
})

type Spelling = 'raw' | 'escaped'

/** JSON in as few escapes as there can be, or with all that can be escaped. */
const spell = (value: unknown, spelling: Spelling) => {
  const text = JSON.stringify(value)
  return spelling === 'raw' ? text : text.replaceAll(/[^ -~]/g, (unit) => `\\u${hex(unit)}`)
}

const hex = (unit: string) => unit.charCodeAt(0).toString(16).padStart(4, '0')

/** What is apt to be lost on the way, among all code units there are. */
const unit = fc.oneof(
  fc.string({ unit: 'binary', minLength: 1, maxLength: 1 }),
  fc.string({ unit: 'grapheme', minLength: 1, maxLength: 1 }),
  fc.constantFrom(
    '\ufeff',
    '\ufffd',
    '\ufffe',
    '\uffff',
    '\u2028',
    '\u0085',
    '\r',
    '\n',
    '"',
    '\\',
    '%ff',
    '+',
    ' ',
  ),
)
/** And what can't be taken everywhere. */
const rareUnit = fc.oneof(
  { arbitrary: unit, weight: 60 },
  { arbitrary: fc.constant('\0'), weight: 1 },
  { arbitrary: fc.integer({ min: 0xd800, max: 0xdfff }).map((code) => String.fromCharCode(code)), weight: 1 },
)
const text = fc.string({ unit: rareUnit, maxLength: 12 })
const name = fc.oneof(
  { arbitrary: fc.string({ unit: rareUnit, maxLength: 12 }), weight: 20 },
  {
    arbitrary: fc.constantFrom('constructor', 'toString', 'hasOwnProperty', '__proto__', 'then', '0'),
    weight: 2,
  },
)

const submission = fc.record({
  rows: fc.array(fc.record({ x: fc.array(text, { minLength: 1, maxLength: 2 }) }), {
    minLength: 1,
    maxLength: 5,
  }),
  metadata: fc.dictionary(name, text, { maxKeys: 3 }),
  spelling: fc.constantFrom<Spelling>('raw', 'escaped'),
})
type Submission = { rows: { x: string[] }[]; metadata: Record<string, string>; spelling: Spelling }

/** The places that are wrong, the first of which is told, or all that are of one kind. */
const wrongPlaces = ({ rows, metadata }: Submission): string[] => {
  const elements = rows.flatMap(({ x }, row) =>
    x.map((value, index) => ({ value, pointer: `/input/${row}/x/${index}` })),
  )
  const pairs = Object.entries(metadata)
  return [
    ...elements
      .filter(({ value }) => !value.isWellFormed() || value.includes('\0'))
      .map(({ pointer }) => pointer),
    ...pairs
      .filter(([key, value]) => key === '' || key === '__proto__' || !value.isWellFormed())
      .map(([key]) => `/metadata/${escapeToken(key)}`),
    ...(pairs.some(([key]) => !key.isWellFormed()) ? ['/metadata'] : []),
  ]
}

const escapeToken = (token: string) => token.replaceAll('~', '~0').replaceAll('/', '~1')

const submit = ({ rows, metadata, spelling }: Submission, headers: Record<string, string> = {}) =>
  stack.client.call(
    'POST',
    '/v1/models/texts/predictions',
    spell({ input: rows, metadata, webhook: `${receiver.url}/` }, spelling),
    { prefer: 'wait=30', ...headers },
  )

/** The prediction as each way tells of it. */
const readEverywhere = async (id: string, events: string) => {
  const [polled, listed, streamed] = await Promise.all([
    stack.client.get(`/v1/predictions/${id}`),
    stack.client.get('/v1/predictions?model=texts&include=input,output&limit=100'),
    stack.client.get(events.slice(stack.url.length)),
  ])
  const delivered = await readDelivered(id)
  const [, data = ''] = /^data: ([^\n]*)$/m.exec(streamed.text) ?? []
  return {
    polled: polled.body,
    listed: listed.body.results.find((one: { id: string }) => one.id === id),
    streamed: JSON.parse(data),
    delivered: delivered.body,
  }
}

const readDelivered = async (id: string) => {
  const delivered = await vi.waitFor(
    () => receiver.received.find(({ body }) => body.id === id) ?? expect.fail(`no webhook of ${id}`),
    { timeout: 10_000, interval: 10 },
  )
  new Webhook(secret).verify(delivered.text, headersOf(delivered))
  return delivered
}

test('any text comes out of a model, and back with the prediction, as it was sent, or is refused at its place', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(submission, { minLength: 1, maxLength: 4 }), async (submissions) => {
      const answers = await Promise.all(submissions.map((one) => submit(one)))

      for (const [index, answer] of answers.entries()) {
        const sent = submissions[index]
        const wrong = sent ? wrongPlaces(sent) : []
        if (wrong.length > 0) {
          expect(answer).toMatchObject({ status: 422, body: { code: 'invalid_input' } })
          expect(wrong).toContain(answer.body.errors[0].pointer)
          continue
        }
        const expected = {
          status: 'succeeded',
          input: sent?.rows,
          output: sent?.rows.map(({ x }) => ({ y: x })),
          metadata: sent?.metadata,
        }
        expect(answer.status).toBe(201)
        const everywhere = await readEverywhere(answer.body.id, answer.body.urls.events)
        for (const seen of [answer.body, ...Object.values(everywhere)]) {
          const { status, input, output, metadata } = seen
          expect({ status, input, output, metadata }).toStrictEqual(JSON.parse(JSON.stringify(expected)))
        }
      }
    }),
    { numRuns: 40 },
  )
})

test('every character there is goes through a model and a webhook, in rows that share runs', async () => {
  const rows = allCharacters().map((characters) => ({ x: [characters] }))
  const inputs = Array.from({ length: Math.ceil(rows.length / 20) }, (_, index) =>
    rows.slice(index * 20, (index + 1) * 20),
  )

  const answers = await inParallel(inputs.length, 8, (index) =>
    submit({ rows: inputs[index] ?? [], metadata: {}, spelling: 'raw' }),
  )

  for (const [index, { body }] of answers.entries()) {
    const { status, input, output } = (await readDelivered(body.id)).body
    expect(body).toMatchObject({ status, input, output })
    expect({ status, input, output }).toStrictEqual({
      status: 'succeeded',
      input: inputs[index],
      output: inputs[index]?.map(({ x }) => ({ y: x })),
    })
  }
  expect(Math.max(...answers.map(({ body }) => body.metrics.batch_size))).toBeGreaterThan(20)
})

/** All but U+0000, 1,000 in a text. */
const allCharacters = () => {
  const codes = Array.from({ length: 0x11_0000 - 1 }, (_, index) => index + 1)
  const characters = codes
    .filter((code) => code < 0xd800 || code > 0xdfff)
    .map((code) => String.fromCodePoint(code))
  return Array.from({ length: Math.ceil(characters.length / 1000) }, (_, index) =>
    characters.slice(index * 1000, (index + 1) * 1000).join(''),
  )
}

test('a key stands for the text that was sent with it, however that was spelled, and for no text like it', async () => {
  const pair = fc
    .tuple(text, text)
    .filter((texts) => texts.every((one) => one.isWellFormed() && !one.includes('\0')))
  const like = fc.constantFrom<[string, string]>(
    ['é', 'e\u0301'],
    ['\ufeffa', 'a'],
    ['Ａ', 'A'],
    ['a\r\n', 'a\n'],
    ['\ufffd', '?'],
  )
  let keys = 0

  await fc.assert(
    fc.asyncProperty(fc.oneof(pair, like), fc.boolean(), async ([one, other], isMetadata) => {
      const key = { 'idempotency-key': `texts-${(keys += 1)}` }
      const submitText = (value: string, spelling: Spelling) =>
        submit(
          { rows: [{ x: [isMetadata ? '' : value] }], metadata: { a: isMetadata ? value : '' }, spelling },
          key,
        )

      const first = await submitText(one, 'raw')
      const again = await submitText(one, 'escaped')
      const different = await submitText(other, 'raw')

      expect([first.status, again.status, again.body.id]).toEqual([201, 200, first.body.id])
      expect(different.status).toBe(one === other ? 200 : 422)
    }),
    { numRuns: 30 },
  )
})

test.each(['é', 'a\u00a0', '\u00ff', 'x'.repeat(256)])(
  'a key that is no plain text is refused: %j',
  async (key) => {
    const answer = await submit(
      { rows: [{ x: [''] }], metadata: {}, spelling: 'raw' },
      { 'idempotency-key': key },
    )

    expect(answer).toMatchObject({ status: 400, body: { code: 'invalid_request' } })
  },
)

test('features and labels are called what model.yaml calls them', async () => {
  const [first, second] = names.features
  const predict = (features: unknown) =>
    stack.client.call('POST', '/v1/models/named/predict', spell({ features }, 'escaped'))

  const answer = await predict({ [String(first)]: 1, [String(second)]: 0 })
  const wrong = await predict({ [String(first)]: 1, [String(second)]: 'x' })
  const card = await stack.client.get('/v1/models/named')

  expect(answer.body).toStrictEqual({
    prediction: oddName,
    probabilities: { toString: 0, é: 0, [oddName]: 1 },
  })
  expect(wrong.body.errors[0].pointer).toBe(`/features/${escapeToken(oddName)}`)
  expect(Object.keys(card.body.output_schema.properties.probabilities.properties)).toEqual(names.labels)
})

test.each(['%ff', '%ed%a0%80', '%00', '%c3', '%e2%80%a8', 'iris%ff', '..%2f'])(
  'nothing is called %s',
  async (spelled) => {
    const ofPath = await stack.client.get(`/v1/models/${spelled}`)
    const ofVersion = await stack.client.call(
      'POST',
      `/v1/models/texts/predict?version=${spelled}`,
      '{"x":["a"]}',
    )

    expect([ofPath.status, ofPath.body.code]).toEqual([404, 'model_not_found'])
    expect([ofVersion.status, ofVersion.body.code]).toEqual([422, 'version_not_found'])
  },
)

import { request } from 'node:http'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { shippedModel, startStack, testModel } from './support/stack.ts'
import type { Stack } from './support/stack.ts'

let stack: Stack

beforeAll(async () => {
  stack = await startStack({
    models: [shippedModel('demo-classifier'), shippedModel('iris'), testModel('two-inputs')],
  })
})
afterAll(async () => {
  // nothing of all this may have reached the queue
  const { body } = await stack.client.get('/v1/predictions?limit=100')
  const queued = await stack.redis.keys(`${stack.prefix}:*:predictions:*-01*`)
  await stack.close()
  expect(body.results).toEqual([])
  expect(queued).toEqual([])
})

/** Marks a value that must never come back in an error. */
const secret = 'tell-nobody'
const deep = `${'['.repeat(10_000)}${']'.repeat(10_000)}`
const path = '/v1/models/iris/predictions'

type Case = {
  name: string
  body: string
  status: number
  code: string
  pointer?: string
  says: RegExp
  path?: string
}

const cases: Case[] = [
  { name: 'malformed JSON', body: `{"input": ${secret}`, status: 400, code: 'malformed_json', says: /JSON/ },
  {
    name: 'NaN, which is no JSON',
    body: '{"input":{"features":[NaN,1,1,1]}}',
    status: 400,
    code: 'malformed_json',
    says: /JSON/,
  },
  { name: 'an empty body', body: '', status: 400, code: 'malformed_json', says: /body|JSON/ },
  {
    name: '10,000 levels of nesting',
    body: `{"input":${deep}}`,
    status: 400,
    code: 'invalid_request',
    says: /nest|deep|level/,
  },
  {
    name: 'a number that is too large for the model',
    body: '{"input":{"a":[1e39,1],"b":1}}',
    status: 422,
    code: 'invalid_input',
    pointer: '/input/a/0',
    says: /\/input\/a\/0 is too large for float32/,
    path: '/v1/models/two-inputs/predictions',
  },
  {
    name: 'a number beyond all doubles',
    body: '{"input":{"features":[1e999,1,1,1]}}',
    status: 422,
    code: 'invalid_input',
    pointer: '/input/features/0',
    says: /./,
  },
  {
    name: 'a key that would reach a prototype',
    body: '{"input":{"features":[1,1,1,1],"__proto__":{"x":1}}}',
    status: 422,
    code: 'invalid_input',
    pointer: '/input/__proto__',
    says: /./,
  },
  {
    name: 'a key that would reach a prototype, where any key is allowed',
    body: '{"input":{"features":[1,1,1,1]},"metadata":{"__proto__":"x"}}',
    status: 422,
    code: 'invalid_input',
    pointer: '/metadata/__proto__',
    says: /./,
  },
  {
    name: 'a name that is there twice',
    body: '{"input":{"features":[1,1,1,1],"features":[2,2,2,2]}}',
    status: 422,
    code: 'invalid_input',
    pointer: '/input/features',
    says: /twice/,
  },
  {
    name: 'ten million backslashes that end no string',
    body: `{"input":"${'\\'.repeat(10_000_001)}`,
    status: 400,
    code: 'malformed_json',
    says: /column 10: this string does not end/,
  },
  {
    name: '700,000 unknown names',
    body: `{"input":{"features":[1,1,1,1]},${Array.from({ length: 700_000 }, (_, index) => `"${index}":0`).join(',')}}`,
    status: 413,
    code: 'body_too_large',
    says: /100000 names/,
  },
  {
    name: 'three million empty arrays',
    body: `{"input":[${'[],'.repeat(3_000_000)}[]]}`,
    status: 413,
    code: 'body_too_large',
    says: /500000 arrays/,
  },
  {
    name: 'a bare input',
    body: '{"features":[5.1,3.5,1.4,0.2]}',
    status: 422,
    code: 'invalid_input',
    says: /\{"input"/,
  },
  {
    name: 'a wrong type',
    body: `{"input":{"features":[5.1,"${secret}",1.4,0.2]}}`,
    status: 422,
    code: 'invalid_input',
    pointer: '/input/features/1',
    says: /./,
  },
  {
    name: 'too few features',
    body: '{"input":{"features":[5.1,3.5,1.4]}}',
    status: 422,
    code: 'invalid_input',
    pointer: '/input/features',
    says: /./,
  },
  {
    name: 'too many features',
    body: '{"input":{"features":[5.1,3.5,1.4,0.2,1]}}',
    status: 422,
    code: 'invalid_input',
    pointer: '/input/features',
    says: /./,
  },
  {
    name: 'a feature that is missing by name',
    body: '{"input":{"features":{"sepal_length":1,"sepal_width":1,"petal_length":1}}}',
    status: 422,
    code: 'invalid_input',
    pointer: '/input/features/petal_width',
    says: /./,
  },
  {
    name: 'null where nothing may be missing',
    body: '{"input":{"features":[null,1,1,1]}}',
    status: 422,
    code: 'invalid_input',
    pointer: '/input/features/0',
    says: /./,
  },
  {
    name: 'a bad row of an array',
    body: '{"input":[{"features":[1,1,1,1]},{"features":[1,1,true,1]}]}',
    status: 422,
    code: 'invalid_input',
    pointer: '/input/1/features/2',
    says: /./,
  },
  {
    name: 'an empty array',
    body: '{"input":[]}',
    status: 422,
    code: 'invalid_input',
    pointer: '/input',
    says: /1/,
  },
  {
    name: '1,001 rows',
    body: JSON.stringify({ input: Array.from({ length: 1001 }, () => ({ features: [1, 1, 1, 1] })) }),
    status: 422,
    code: 'invalid_input',
    pointer: '/input',
    says: /1,?000/,
  },
  {
    name: 'an unknown field',
    body: '{"input":{"features":[1,1,1,1]},"inputs":1}',
    status: 422,
    code: 'invalid_input',
    pointer: '/inputs',
    says: /./,
  },
  {
    name: 'an unknown priority',
    body: `{"input":{"features":[1,1,1,1]},"priority":"${secret}"}`,
    status: 422,
    code: 'invalid_input',
    pointer: '/priority',
    says: /low|normal|high/,
  },
  {
    name: 'metadata that is no text',
    body: '{"input":{"features":[1,1,1,1]},"metadata":{"a":1}}',
    status: 422,
    code: 'invalid_input',
    pointer: '/metadata/a',
    says: /./,
  },
  {
    name: 'an unknown version',
    body: '{"input":{"features":[1,1,1,1]},"version":"9"}',
    status: 422,
    code: 'version_not_found',
    pointer: '/version',
    says: /1/,
  },
  {
    name: 'a webhook to a private network',
    body: '{"input":{"features":[1,1,1,1]},"webhook":"https://10.0.0.7"}',
    status: 422,
    code: 'invalid_input',
    pointer: '/webhook',
    says: /webhook/,
  },
  {
    name: 'an unknown model',
    body: '{"input":{}}',
    path: '/v1/models/irsi/predictions',
    status: 404,
    code: 'model_not_found',
    says: /iris/,
  },
  { name: 'an unknown path', body: '{}', path: '/v1/nothing', status: 404, code: 'not_found', says: /./ },
  {
    name: 'a bad bare input of predict',
    body: '{"features":[1,1,1,"x"]}',
    path: '/v1/models/iris/predict',
    status: 422,
    code: 'invalid_input',
    pointer: '/features/3',
    says: /./,
  },
  {
    name: 'an int64 out of range',
    body: '{"a":[1,2],"b":"92233720368547758080"}',
    path: '/v1/models/two-inputs/predict',
    status: 422,
    code: 'invalid_input',
    pointer: '/b',
    says: /./,
  },
  {
    name: 'a number that is no float32',
    body: '{"features":[1e39,1,1,1]}',
    path: '/v1/models/iris/predict',
    status: 422,
    code: 'invalid_input',
    pointer: '/features/0',
    says: /./,
  },
]

test.each(cases)('$name is refused with what is wrong, where, and what to do', async (bad) => {
  const answer = await stack.client.call('POST', bad.path ?? path, bad.body)

  expect(answer.status).toBe(bad.status)
  expect(answer.headers.get('content-type')).toMatch(/^application\/problem\+json/)
  expect(answer.body).toMatchObject({
    status: bad.status,
    code: bad.code,
    title: expect.any(String),
    request_id: expect.any(String),
  })
  expect(answer.text).not.toContain(secret)
  const places: { pointer: string; detail: string }[] = answer.body.errors ?? []
  if (bad.pointer !== undefined) expect(places.map(({ pointer }) => pointer)).toContain(bad.pointer)
  expect([answer.body.detail, ...places.map(({ detail }) => detail)].join(' ')).toMatch(bad.says)
})

test('a body that is not UTF-8 is refused with the byte', async () => {
  const body = Buffer.concat([Buffer.from('{"input":{"é":"'), Buffer.from([0xff]), Buffer.from('"}}')])

  const response = await fetch(`${stack.url}${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body,
  })

  expect(response.status).toBe(400)
  expect(await response.json()).toMatchObject({
    detail: 'the body is not UTF-8 at byte 16; send it as UTF-8',
  })
})

test('a body without a content type is refused with the header to add', async () => {
  const answer = await stack.client.call('POST', path, '{"input":{}}', { 'content-type': 'text/plain' })

  expect(answer.status).toBe(415)
  expect(answer.body.detail).toContain("-H 'content-type: application/json'")
})

test.each(['with its length', 'chunked'])('a body of 11 MB, %s, is refused', async (how) => {
  const status = await send11Megabytes(how === 'chunked')

  expect(status).toBe(413)
})

test('a body of nearly 10 MB is taken and checked', async () => {
  const row = { features: [1, 1, 1, 1], padding: 'x'.repeat(9_900_000) }

  const answer = await stack.client.call('POST', path, JSON.stringify({ input: row }))

  expect(answer.status).toBe(422)
})

test('an unknown method on a known path is 405', async () => {
  const answer = await stack.client.call('PUT', path, '{}')

  expect(answer.status).toBe(405)
})

test.each(['nonsense', 'iris-nonsense', 'iris-01ARZ3NDEKTSV4RRFFQ69G5FAV', '..%2f..%2fetc'])(
  'no prediction %s: 404',
  async (id) => {
    const answer = await stack.client.get(`/v1/predictions/${id}`)

    expect(answer.status).toBe(404)
    expect(answer.body.detail).toMatch(/24 h|24 hours/)
  },
)

test.each(['limit=0', 'limit=abc', 'status=odd', 'cursor=%00', 'created_after=yesterday'])(
  'a list with %s is refused',
  async (query) => {
    const answer = await stack.client.get(`/v1/predictions?${query}`)

    expect(answer.status).toBe(400)
  },
)

const send11Megabytes = (chunked: boolean) =>
  new Promise<number>((resolve, reject) => {
    const size = 11 * 1024 * 1024
    const sending = request(
      `${stack.url}${path}`,
      {
        method: 'POST',
        headers: {
          'content-type': 'application/json',
          ...(chunked ? { 'transfer-encoding': 'chunked' } : { 'content-length': size }),
        },
      },
      (response) => {
        response.resume()
        resolve(response.statusCode ?? 0)
      },
    )
    // the server may hang up once it has answered
    sending.on('error', (err) =>
      'code' in err && (err.code === 'EPIPE' || err.code === 'ECONNRESET') ? undefined : reject(err),
    )
    sending.end(Buffer.alloc(size, ' '))
  })

test('the card shows a number of a float type as that, without the bounds that inputs are checked for', async () => {
  const { body } = await stack.client.get('/v1/models/two-inputs')

  expect(body.input_schema.properties.a.items).toEqual({ type: 'number', format: 'float32' })
})

import { afterAll, beforeAll, expect, test } from 'vitest'
import { parseAnswer, sendRaw } from './support/raw-http.ts'
import { startStack, testModel } from './support/stack.ts'
import type { Stack } from './support/stack.ts'

let stack: Stack
let port: number

beforeAll(async () => {
  stack = await startStack({ models: [testModel('slow')] })
  port = Number(new URL(stack.url).port)
})
afterAll(() => stack.close())

const post = (path: string, body: unknown) => {
  const text = JSON.stringify(body)
  const headers = ['Host: localhost', 'Content-Type: application/json', `Content-Length: ${text.length}`]
  return [`POST ${path} HTTP/1.1`, ...headers, '', text].join('\r\n')
}

test('a client that closes its half learns what became of its submit, and of its predict', async () => {
  const submit = post('/v1/models/slow/predictions', { input: { n: [1] } })

  const submitted = parseAnswer(await sendRaw(port, submit, { halfClose: true }))
  const predicted = parseAnswer(
    await sendRaw(port, post('/v1/models/slow/predict', { n: [1] }), { halfClose: true }),
  )

  const { id } = JSON.parse(submitted.body)
  expect([submitted.status, predicted.status]).toEqual([202, 200])
  expect((await stack.client.untilFinal(id)).body).toMatchObject({ status: 'succeeded' })
})

test.each(['/livez', '/readyz', '/health'])(
  'a probe of HTTP/1.0 without a Host is answered at %s',
  async (path) => {
    expect(parseAnswer(await sendRaw(port, `GET ${path} HTTP/1.0\r\n\r\n`)).status).toBe(200)
  },
)

import { createHash, createHmac } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { modelKeys } from '@onqueue/shared'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createClient } from './support/client.ts'
import { startStack } from './support/stack.ts'
import type { Stack, StackProcess } from './support/stack.ts'

const secret = 'a secret of sixteen'
const input = { features: [1, -0.5, 2.1, 0.3] }
const entryOf = (name: string, key: string) => `${name}:${createHash('sha256').update(key).digest('hex')}\n`
let folder: string
let keysFile: string
let stack: Stack
let api: StackProcess

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'onqueue-keys-'))
  keysFile = join(folder, 'api-keys')
  await writeFile(
    keysFile,
    entryOf('ada', 'first-key') + entryOf('ada', 'second-key') + entryOf('bob', 'bobs-key'),
  )
  stack = await startStack({ environment: { ONQUEUE_SECRET: secret } })
  api = await stack.startApi({ ONQUEUE_API_KEYS_FILE: keysFile })
})
afterAll(async () => {
  await stack.close()
  await rm(folder, { recursive: true })
})

/** A finished prediction with a link of today, which is given out when the process has seen who else is there. */
const submit = async (client: ReturnType<typeof createClient>) => {
  for (;;) {
    const { body } = await client.submit('demo-classifier', input, {}, { prefer: 'wait=20' })
    if (body.urls.events.includes('.', body.urls.events.indexOf('token='))) return body
  }
}
const follow = async (url: string, link: string) => {
  const { pathname, search } = new URL(link)
  const response = await fetch(`${url}${pathname}${search}`)
  await response.text()
  return response.status
}

test('a link to events is good until the key that submitted the prediction is gone', async () => {
  const [first, second] = await Promise.all(
    ['first-key', 'second-key'].map((key) => submit(createClient(api.url, { key }))),
  )
  const links = [first?.urls.events, second?.urls.events]
  expect(await Promise.all(links.map((link) => follow(api.url, link)))).toEqual([200, 200])

  await writeFile(keysFile, entryOf('ada', 'second-key') + entryOf('bob', 'bobs-key'))

  await expect.poll(() => follow(api.url, links[0])).toBe(401)
  expect(await follow(api.url, links[1])).toBe(200)
})

test('a link as the release before made it opens no prediction of today, and that of a deleted one nothing', async () => {
  const client = createClient(api.url, { key: 'bobs-key' })
  const { id, urls } = await submit(client)
  const before = createHmac('sha256', secret).update(`events ${id}`).digest('base64url').slice(0, 22)

  expect(await follow(api.url, urls.events.replace(/token=.*/, `token=${before}`))).toBe(401)

  await client.call('DELETE', `/v1/predictions/${id}`)
  expect(await follow(api.url, urls.events)).toBe(404)
})

test('a link of the release before opens the prediction of that release', async () => {
  const client = createClient(api.url, { key: 'bobs-key' })
  const { id, urls } = await submit(client)
  const job = modelKeys(stack.prefix, 'demo-classifier').queue(id)
  const { keyId, ...data } = JSON.parse((await stack.redis.hget(job, 'data')) ?? '{}')
  await stack.redis.hset(job, 'data', JSON.stringify(data))
  const before = createHmac('sha256', secret).update(`events ${id}`).digest('base64url').slice(0, 22)

  expect(keyId).toMatch(/^[0-9a-f]{16}$/)
  expect(await follow(api.url, urls.events.replace(/token=.*/, `token=${before}`))).toBe(200)
  expect((await client.get(`/v1/predictions/${id}`)).body.urls.events).toMatch(new RegExp(`token=${before}$`))
})

test('without keys a link is bound to none', async () => {
  const { urls } = await submit(stack.client)

  expect(urls.events).toMatch(/token=[0-9a-z]+\.\.[\w-]{22}$/)
  expect(await follow(stack.url, urls.events)).toBe(200)
})

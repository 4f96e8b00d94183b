import { Hono } from 'hono'
import { expect, test } from 'vitest'
import { readQuery } from './read-query.ts'

const read = async (query: string, names: string[]) => {
  const app = new Hono()
  app.get('/', (c) => c.json(readQuery(c.req, names)))
  app.onError((err, c) => c.json(err.message))
  return (await app.request(`/${query}`)).json()
}

test('the parameters of a route are read, and may all be absent', async () => {
  expect(await read('?version=2&wait=1%2E5', ['version', 'wait'])).toEqual({ version: '2', wait: '1.5' })
  expect(await read('?wait', ['version', 'wait'])).toEqual({ wait: '' })
  expect(await read('', ['wait'])).toEqual({})
  expect(await read('?', ['wait'])).toEqual({})
})

test.each([
  ['?versoin=2', ['version', 'wait'], 'versoin: is not a parameter here; this path takes version and wait'],
  ['?version=2', ['wait'], 'version: is not a parameter here; this path takes wait'],
  ['?status=ready', [], 'status: is not a parameter here; this path takes none'],
  ['?wait=1&wait=2', ['wait'], 'wait: is there twice; send it once'],
])('%s is refused where the route takes %j', async (query, names, what) => {
  expect(await read(query, names)).toBe(`the query can't be used: ${what}`)
})

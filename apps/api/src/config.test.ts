import { expect, test } from 'vitest'
import { readConfig } from './config.ts'

test.each([
  ['', []],
  ['https://app.example.com', ['https://app.example.com']],
  ['https://app.example.com/, http://localhost:5173', ['https://app.example.com', 'http://localhost:5173']],
  ['*', ['*']],
])('pages of %j may call', (text, origins) => {
  expect(readConfig({ ONQUEUE_CORS_ORIGINS: text }).ONQUEUE_CORS_ORIGINS).toEqual(origins)
})

test.each([
  'app.example.com',
  'https://app.example.com/page',
  'https://App.example.com',
  'https://app.example.com:443',
  'https://*.example.com',
  'null',
  '*,app',
])('pages of %j are none, for no browser says so', (text) => {
  expect(() => readConfig({ ONQUEUE_CORS_ORIGINS: text })).toThrow(
    'ONQUEUE_CORS_ORIGINS: must be origins such as',
  )
})

test('bodies may be let in up to 100 MB: longer ones could end the process that reads them', () => {
  const limitOf = (text: string) => readConfig({ ONQUEUE_BODY_LIMIT_BYTES: text }).ONQUEUE_BODY_LIMIT_BYTES

  expect(limitOf('104857600')).toBe(104_857_600)
  expect(() => limitOf('104857601')).toThrow('ONQUEUE_BODY_LIMIT_BYTES: must be at most 104857600')
})

import { expect, test } from 'vitest'
import { z } from 'zod'
import {
  ConfigError,
  booleanSetting,
  durationSetting,
  integerSetting,
  parseDuration,
  parseEnvironment,
  portSetting,
  sharedSettings,
} from './environment.ts'

const schema = z.object({
  PORT: portSetting(8080),
  LIMIT: integerSetting(100),
  STRICT: booleanSetting(false),
  PATIENCE: durationSetting('10m'),
})

test('settings that are not given have their defaults', () => {
  expect(parseEnvironment(schema, {})).toEqual({ PORT: 8080, LIMIT: 100, STRICT: false, PATIENCE: 600_000 })
})

test('an empty setting counts as not given', () => {
  expect(parseEnvironment(schema, { PORT: '', STRICT: '' })).toMatchObject({ PORT: 8080, STRICT: false })
})

test('settings are parsed from text', () => {
  const given = { PORT: '0', LIMIT: '7', STRICT: 'true', PATIENCE: '1h30m' }

  expect(parseEnvironment(schema, given)).toEqual({ PORT: 0, LIMIT: 7, STRICT: true, PATIENCE: 5_400_000 })
})

test('the settings can not be changed, and hold nothing but what was asked for', () => {
  const parsed = parseEnvironment(schema, { PORT: '1', HOME: '/root' })

  expect(Object.isFrozen(parsed)).toBe(true)
  expect(parsed).not.toHaveProperty('HOME')
})

test('all problems are listed at once, a line each', () => {
  const given = { PORT: '70000', LIMIT: '0', STRICT: 'yes', PATIENCE: 'soon' }

  const parse = () => parseEnvironment(schema, given)

  expect(parse).toThrow(ConfigError)
  expect(parse).toThrow(
    [
      "these settings can't be used; correct them and start again:",
      '  PORT: must be a port number',
      '  LIMIT: must be at least 1',
      '  STRICT: must be true or false',
      '  PATIENCE: must be a duration such as 90s, 10m, 24h or 1h30m',
    ].join('\n'),
  )
})

test.each([
  ['PORT', 'http', 'must be a port number'],
  ['PORT', '80.5', 'must be a port number'],
  ['LIMIT', '1.5', 'must be a whole number'],
  ['LIMIT', 'many', 'must be a whole number'],
])('%s=%s is refused: %s', (name, value, message) => {
  expect(() => parseEnvironment(schema, { [name]: value })).toThrow(`${name}: ${message}`)
})

test.each([
  ['90', 90],
  ['0.5', 0.5],
  ['90s', 90],
  ['10m', 600],
  ['24h', 86_400],
  ['1h30m', 5400],
  ['1h1m1s', 3661],
])('%s is %d seconds', (text, seconds) => {
  expect(parseDuration(text)).toBe(seconds)
})

test.each(['', ' ', '-1', '1d', '1m1h', 'h', '1 h', '1e3'])('%j is no duration', (text) => {
  expect(parseDuration(text)).toBeUndefined()
})

test.each(['http://127.0.0.1:6379', '127.0.0.1:6379'])('%s is no address of a Redis', (url) => {
  expect(() => parseEnvironment(z.object(sharedSettings), { REDIS_URL: url })).toThrow(
    'REDIS_URL: must start with redis:// or rediss://',
  )
})

test('a prefix with a brace or a colon is refused, for it would break the Cluster slots', () => {
  expect(() => parseEnvironment(z.object(sharedSettings), { ONQUEUE_PREFIX: 'a{b}' })).toThrow(
    'ONQUEUE_PREFIX',
  )
})

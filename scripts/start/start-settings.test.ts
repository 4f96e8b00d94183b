import { resolve } from 'node:path'
import { expect, test } from 'vitest'
import { readStartSettings, toChildEnvironment } from './start-settings.ts'

test('without any setting the defaults are used', () => {
  expect(readStartSettings({})).toEqual({
    port: 8080,
    healthPorts: {
      ONQUEUE_API_HEALTH_PORT: 8081,
      ONQUEUE_WORKER_HEALTH_PORT: 8082,
      ONQUEUE_WEBHOOKS_HEALTH_PORT: 8083,
    },
    webhookAnonymousLoopback: 'true',
    dataDir: resolve('data'),
    modelsDir: resolve('models'),
    defaultModel: 'demo-classifier',
    isVerbose: false,
  })
})

test('the health ports follow PORT unless they are set', () => {
  expect(readStartSettings({ PORT: '9000', ONQUEUE_WORKER_HEALTH_PORT: '7000' })).toMatchObject({
    port: 9000,
    healthPorts: {
      ONQUEUE_API_HEALTH_PORT: 9001,
      ONQUEUE_WORKER_HEALTH_PORT: 7000,
      ONQUEUE_WEBHOOKS_HEALTH_PORT: 9003,
    },
  })
})

test.each([
  [{}, 'true'],
  [{ ONQUEUE_HOST: '127.0.0.2', ONQUEUE_WEBHOOK_ALLOWED_NETWORKS: '' }, 'true'],
  [{ ONQUEUE_HOST: '0.0.0.0' }, 'false'],
  [{ ONQUEUE_WEBHOOK_ALLOW_HTTP: 'false' }, 'false'],
  [{ ONQUEUE_WEBHOOK_ALLOWED_NETWORKS: '10.0.0.0/8' }, 'false'],
  [{ ONQUEUE_WEBHOOK_ANONYMOUS_LOOPBACK: 'false' }, 'false'],
])(
  'callers without a key are trusted with loopback where it listens there and nothing else is set: %j, %s',
  (env, expected) => {
    const environment = toChildEnvironment(readStartSettings(env))

    expect(environment).toMatchObject({ ONQUEUE_WEBHOOK_ANONYMOUS_LOOPBACK: expected })
    // what everybody is allowed stays the user's to say
    expect(environment).not.toHaveProperty('ONQUEUE_WEBHOOK_ALLOWED_NETWORKS')
    expect(environment).not.toHaveProperty('ONQUEUE_WEBHOOK_ALLOW_HTTP')
  },
)

test('an empty setting counts as not set', () => {
  expect(readStartSettings({ PORT: '', ONQUEUE_DATA_DIR: '' })).toMatchObject({
    port: 8080,
    dataDir: resolve('data'),
  })
})

test('a wrong port is one sentence that says what it must be', () => {
  expect(() => readStartSettings({ PORT: 'abc' })).toThrow(
    /^PORT must be a port number from 1 to 65535, not "abc": correct it and start again\.$/,
  )
})

test('all wrong settings are named at once', () => {
  expect(() => readStartSettings({ PORT: '0', ONQUEUE_API_HEALTH_PORT: '70000' })).toThrow(
    /PORT .*"0"; ONQUEUE_API_HEALTH_PORT .*"70000"/,
  )
})

test('a PORT that leaves no room for the health ports says which one', () => {
  expect(() => readStartSettings({ PORT: '65533' })).toThrow(/^ONQUEUE_WEBHOOKS_HEALTH_PORT .*"65536"/)
})

test('two that would listen at the same port are named', () => {
  expect(() => readStartSettings({ PORT: '9000', ONQUEUE_WORKER_HEALTH_PORT: '9000' })).toThrow(
    'ONQUEUE_WORKER_HEALTH_PORT and PORT must differ, and are both 9000: correct it and start again.',
  )
  expect(() => readStartSettings({ ONQUEUE_WEBHOOKS_HEALTH_PORT: '8082' })).toThrow(
    'ONQUEUE_WEBHOOKS_HEALTH_PORT and ONQUEUE_WORKER_HEALTH_PORT must differ, and are both 8082',
  )
})

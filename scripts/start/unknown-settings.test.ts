import { expect, test } from 'vitest'
import { pickPorts } from '../redis/ports.ts'
import { portSettings } from './apps.ts'
import { runOnQueue } from './run-onqueue.ts'
import { findUnknownSettings } from './unknown-settings.ts'

test.each([
  ['ONQUEUE_BACKLOG_LIMITS', 'did you mean ONQUEUE_BACKLOG_LIMIT? '],
  ['ONQUEUE_DEFAULT_MODLE', 'did you mean ONQUEUE_DEFAULT_MODEL? '],
  ['ONQUEUE_PORT', 'did you mean PORT? '],
  ['ONQUEUE_REDIS_URL', 'did you mean REDIS_URL? '],
  ['ONQUEUE_XYZZY', ''],
])('%s is said to change nothing', (name, hint) => {
  expect(findUnknownSettings({ [name]: '1' })).toEqual([
    `${name} is not a setting, and changes nothing; ${hint}.env.example has all of them`,
  ])
})

test('settings, those of docker-compose, empty ones and variables of others are nothing to tell', () => {
  const env = {
    ONQUEUE_BACKLOG_LIMIT: '5',
    ONQUEUE_WORKER_INSTANCES_X: '',
    ONQUEUE_API_IMAGE: 'onqueue-api',
    ONQUEUE_WORKER_OFFLINE: 'false',
    ONQUEUE_URL: 'http://127.0.0.1:8080',
    PORT: '9000',
    PATH: '/bin',
  }

  expect(findUnknownSettings(env)).toEqual([])
})

test('a start says so', async () => {
  const said: string[] = []

  await runOnQueue({
    // below a file, where it ends
    env: {
      ...(await pickPorts(portSettings)),
      ONQUEUE_DATA_DIR: `${import.meta.filename}/data`,
      ONQUEUE_RETENTOIN: '1h',
    },
    apps: [],
    stop: new AbortController().signal,
    kill: new AbortController().signal,
    say: (subject, sentence) => void said.push(`${subject}: ${sentence}`),
    print: () => undefined,
    complain: () => undefined,
  })

  expect(said).toEqual([
    'OnQueue: ONQUEUE_RETENTOIN is not a setting, and changes nothing; did you mean ONQUEUE_RETENTION? .env.example has all of them',
  ])
})

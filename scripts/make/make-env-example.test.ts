import { readFileSync } from 'node:fs'
import { parseEnv } from 'node:util'
import { expect, test } from 'vitest'
import { envExamplePath, makeEnvExample } from './make-env-example.ts'

test('.env.example is up to date: node scripts/bootstrap.mjs run scripts/make/make-env-example.ts', () => {
  expect(readFileSync(envExamplePath, 'utf8')).toBe(`${makeEnvExample()}\n`)
})

test('a copy of it changes nothing, and every setting can be switched on', () => {
  const text = makeEnvExample()

  const switchedOn = parseEnv(text.replaceAll(/^#(?=[A-Z])/gm, ''))

  expect(parseEnv(text)).toEqual({})
  expect(switchedOn).toMatchObject({ PORT: '8080', ONQUEUE_MODELS_DIR: './models', ONQUEUE_SECRET: '' })
})

test('a setting of several processes is there once', () => {
  const names = makeEnvExample().match(/^#[A-Z_]+(?==)/gm) ?? []

  expect(names).toContain('#ONQUEUE_WEBHOOK_ALLOWED_NETWORKS')
  expect(names).toEqual([...new Set(names)])
})

test('what belongs together is under the processes that read it', () => {
  expect(makeEnvExample().match(/(?<=^# )[^-\n]+(?= -{3,}$)/gm)).toEqual([
    'API, worker and webhooks',
    'API and webhooks',
    'API and worker',
    'API',
    'Worker and webhooks',
    'Worker',
    'Webhooks',
  ])
})

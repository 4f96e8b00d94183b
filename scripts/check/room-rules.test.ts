import { readdirSync } from 'node:fs'
import { join, matchesGlob } from 'node:path'
import { expect, test } from 'vitest'
import { houses, roomRules } from './room-rules.ts'

/** What lint says when `file` imports `specifier`; undefined where it may. The last rule that matches a file counts. */
const refusalOf = (file: string, specifier: string) => {
  const rule = roomRules.findLast(
    ({ files, excludeFiles = [] }) =>
      files.some((glob) => matchesGlob(file, glob)) && !excludeFiles.some((glob) => matchesGlob(file, glob)),
  )
  const [, { patterns }] = rule?.rules['eslint/no-restricted-imports'] ?? ['error', { patterns: [] }]
  return patterns.find((pattern) => 'regex' in pattern && new RegExp(pattern.regex).test(specifier))?.message
}

test.each([
  ['apps/api/src/models/card.ts', '../submit/submit-guard.ts'],
  ['apps/api/src/http/bodies/json-body.ts', '../../models/card.ts'],
  ['apps/api/src/predictions/read-prediction.ts', '../deliveries/redeliver.ts'],
  ['apps/api/src/dialects/native/predict-route.ts', '../plain/plain-answer.ts'],
  ['apps/api/src/dialects/native/predict-route.ts', '../../dialects/plain/plain-answer.ts'],
  ['apps/api/src/submit/open-submit.ts', '../metrics.ts'],
  ['apps/api/src/submit/open-submit.ts', '../open-app.ts'],
  ['apps/worker/src/tasks/task.ts', '../executor/probe.ts'],
  ['apps/worker/src/queue/in-flight.ts', '../upkeep/janitor.ts'],
  ['apps/webhooks/src/attempts/sign.ts', '../dispatch/dispatcher.ts'],
  ['packages/shared/src/process/logger.ts', '../redis/names.ts'],
  ['apps/worker/src/server.ts', '@onqueue/api'],
  ['apps/api/src/server.ts', '../../../packages/shared/src/index.ts'],
])('%s may not import %s, and is told why', (file, specifier) => {
  expect(refusalOf(file, specifier)).toMatch(/./)
})

test.each([
  ['apps/api/src/submit/admission/admission.ts', '../models/drain-rate.ts'],
  ['apps/api/src/dialects/plain/plain-dialect.ts', '../../submit/open-submit.ts'],
  ['apps/api/src/dialects/native/predict-route.ts', './prediction-docs.ts'],
  ['apps/api/src/openapi/openapi-plain-path.ts', '../dialects/plain/plain-answer.ts'],
  ['apps/api/src/http/bodies/json-body.ts', '../api-environment.ts'],
  ['apps/api/src/server.ts', './openapi/docs-routes.ts'],
  ['apps/worker/src/tasks/task.ts', '../refusal.ts'],
  ['apps/api/src/http/app.test.ts', '../access/auth.ts'],
])('%s may import %s', (file, specifier) => {
  expect(refusalOf(file, specifier)).toBeUndefined()
})

/** Where a run leaves its figures, which nobody commits. */
const results = 'results'

test.each(houses)(
  'every folder of $folder is a room with its place in the order',
  ({ folder, lines, above }) => {
    const entries = readdirSync(join(import.meta.dirname, '../..', folder), { withFileTypes: true })
    const folders = entries
      .filter((entry) => entry.isDirectory() && entry.name !== results)
      .map(({ name }) => name)
    const rooms = new Set(lines.flat().map((room) => room.split('/')[0]))

    expect(folders.filter((name) => !rooms.has(name))).toEqual([])
    expect(above.filter((name) => !entries.some((entry) => entry.name.startsWith(`${name}.`)))).toEqual([])
  },
)

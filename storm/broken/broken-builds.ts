/** A build with one defect, which a storm has to find: a text in a file of the apps, and what stands there instead. */
export type BrokenBuild = {
  name: string
  file: string
  text: string
  replacement: string
  /** what a storm says of it, among other things */
  rule: string
}

/** `npm run storm -- --break NAME` runs one. Who changes a text here brings this up to date: a test finds out. */
export const brokenBuilds: readonly BrokenBuild[] = [
  {
    name: 'lost-outcomes',
    file: 'apps/worker/src/queue/end-prediction.ts',
    text: 'const { id, prediction } = taken',
    replacement: 'if (Math.random() < 0.001) return\n  const { id, prediction } = taken',
    rule: 'unfinished',
  },
  {
    name: 'mixed-rows',
    file: 'apps/worker/src/executor/run-rows.ts',
    text: 'rows.map((_, position) => results.get(position) ?? noResult)',
    replacement:
      'rows.map((_, position) => results.get(Math.random() < 0.001 ? 0 : position) ?? results.get(0) ?? noResult)',
    rule: 'mixed up',
  },
  {
    name: 'rewritten-outcomes',
    file: 'packages/shared/src/records/end-predictions.ts',
    text: "redis.call('SET', key, text, 'NX', 'GET')",
    replacement: "redis.call('SET', key, text, 'GET')",
    rule: 'changed',
  },
  {
    name: 'forgotten-keys',
    file: 'apps/api/src/submit/submit-prediction.ts',
    text: 'idempotency !== null && models.get(submission.model)',
    replacement: 'idempotency !== null && Math.random() > 0.1',
    rule: 'doubled',
  },
  {
    name: 'rewritten-in-packs',
    file: 'packages/shared/src/records/end-predictions.ts',
    text: "redis.call('HSETNX', pack, field, isLong and '' or text) == 0",
    replacement: "redis.call('HSET', pack, field, isLong and '' or text) > 1",
    rule: 'changed',
  },
  {
    name: 'retaken-keys',
    file: 'packages/shared/src/records/open-pack.ts',
    text: "redis.call('SET', key, text, 'NX', 'PX', ttlMs)",
    replacement: "redis.call('SET', key, text, 'PX', ttlMs)",
    rule: 'doubled',
  },
  {
    name: 'restless-webhooks',
    file: 'apps/webhooks/src/attempts/make-attempt.ts',
    text: 'const result = await post(delivery,',
    replacement:
      "const body = Buffer.concat([delivery.body, Buffer.from(' '.repeat(delivery.record.tries))])\n    const result = await post({ ...delivery, body },",
    rule: 'webhook changed',
  },
  {
    name: 'recounted-chunks',
    file: 'packages/shared/src/records/finish-chunk.ts',
    text: "if redis.call('HSETNX', done, number, text) == 0 then return 0 end",
    replacement: "redis.call('HSET', done, number, text)",
    rule: 'batch went back',
  },
  {
    name: 'unswept-parts',
    file: 'apps/api/src/batches/sweep-batches.ts',
    text: 'await removeUnfinished(record)',
    replacement: 'void removeUnfinished',
    rule: 'counter wrong',
  },
  {
    name: 'shifted-rows',
    file: 'apps/worker/src/executor/batch/score-chunk.ts',
    text: 'const outcome = outcomes[index] ?? lost',
    replacement: 'const outcome = (Math.random() < 0.0001 ? outcomes[index - 1] : outcomes[index]) ?? lost',
    rule: 'output differs',
  },
]

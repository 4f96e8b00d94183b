import { defineConfig } from 'vitest/config'

const redisTests = '{packages,apps}/**/*.redis.test.ts'
const quietTests = '**/*.quiet.test.ts'
const containerTests = 'tests/**/*.container.test.ts'
const nobodysTests = '**/node_modules/**'

/** What takes long, so that `npm test` takes less than ten minutes: CI runs it, after everything else. */
const longTests = process.env['ONQUEUE_TEST_FULL'] === '1' ? [] : ['**/*.full.test.ts']

const unit = {
  name: 'unit',
  include: ['{packages,apps,scripts,bench,storm}/**/*.test.ts'],
  exclude: [redisTests, quietTests, nobodysTests, ...longTests],
}

/** Of processes that get only what nobody else wants of the cores, so no other test is to run beside them. */
const quiet = {
  name: 'quiet',
  include: [quietTests],
  exclude: [nobodysTests],
  sequence: { groupOrder: 1 },
}

/** One Redis for the whole run, which is not started where none of these tests runs. */
const stack = {
  name: 'stack',
  include: ['tests/**/*.test.ts', redisTests],
  exclude: [containerTests, nobodysTests, ...longTests],
  globalSetup: ['tests/support/global-setup.ts'],
}

/** Builds and runs the images, which takes an engine and some minutes: .ci/containers runs them. */
const container = { name: 'container', include: [containerTests] }

const isContainerRun = process.env['ONQUEUE_TEST_DOCKER'] === '1'

export default defineConfig({
  test: {
    projects: (isContainerRun ? [container] : [unit, stack, quiet]).map((test) => ({ extends: true, test })),
    env: { ORT_DISABLE_TELEMETRY: '1' },
    testTimeout: 60_000,
    hookTimeout: 60_000,
    // what is waited for takes its time on a busy machine; a test that it never comes of fails all the same
    expect: { poll: { timeout: 20_000 } },
    pool: 'forks',
    // to load all modules anew for each file takes longer than most tests, and importing one of ours does nothing
    isolate: false,
    // the whole-stack tests wait most of their time: for locks to run out, for attempts to be due, for processes to start
    maxWorkers: 3,
  },
})

import { defineConfig } from 'vitest/config'

// The tests that build and run the images need an engine and some minutes; .ci/containers runs them.
const isContainerRun = process.env['ONQUEUE_TEST_DOCKER'] === '1'
const containerTests = 'tests/**/*.container.test.ts'

export default defineConfig({
  test: {
    include: isContainerRun
      ? [containerTests]
      : ['packages/**/*.test.ts', 'apps/**/*.test.ts', 'scripts/**/*.test.ts', 'tests/**/*.test.ts'],
    exclude: ['**/node_modules/**', ...(isContainerRun ? [] : [containerTests])],
    globalSetup: isContainerRun ? [] : ['tests/support/global-setup.ts'],
    env: { ORT_DISABLE_TELEMETRY: '1' },
    testTimeout: 60_000,
    hookTimeout: 60_000,
    pool: 'forks',
    maxWorkers: 2,
  },
})

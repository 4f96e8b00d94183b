import { expect, test } from 'vitest'
import { compareVersions, serveVersions } from './served-versions.ts'
import type { Heartbeat } from './served-versions.ts'
import type { VersionCard } from './version-card.ts'

const card = (changes: Partial<VersionCard>): VersionCard => ({
  model: 'iris',
  version: '1',
  digest: 'old',
  generation: 1,
  status: 'ready',
  reason: null,
  attempts: 3,
  interface: {
    warnings: [],
    description: '',
    task: 'tensors',
    inputSchema: {},
    outputSchema: {},
    example: null,
    batching: { enabled: true, maxRows: 64, maxWaitMs: 2, reason: null },
    providers: ['cpu'],
  },
  ...changes,
})
const beat = (...versions: Partial<Heartbeat['versions'][number]>[]): Heartbeat => ({
  workerId: 'w',
  at: 0,
  rowsPerSecond: 0,
  versions: versions.map((version) => ({
    version: '1',
    digest: 'old',
    status: 'ready',
    reason: null,
    memoryBytes: 0,
    ...version,
  })),
})
const old = card({ digest: 'old', generation: 1 })
const renewed = card({ digest: 'new', generation: 2 })

test('versions are in ascending order, numbers as numbers', () => {
  const served = serveVersions([card({ version: '10' }), card({ version: '9' }), card({ version: '1' })], [])

  expect(served.map(({ version }) => version)).toEqual(['1', '9', '10'])
})

test.each([
  ['2', '10'],
  ['v2', 'v10'],
  ['2026-01-31', '2026-02-01'],
  ['1.2', '1.10'],
])('version %s is before %s', (earlier, later) => {
  expect(compareVersions(earlier, later)).toBeLessThan(0)
  expect(compareVersions(later, earlier)).toBeGreaterThan(0)
})

test('a version that a worker has ready is ready', () => {
  const [served] = serveVersions([old], [beat({})])

  expect(served).toEqual({ version: '1', card: old, status: 'ready', reason: null, conflictingDigests: [] })
})

test('of two definitions that live workers have ready the newest is served, and the other is a conflict', () => {
  const [served] = serveVersions([old, renewed], [beat({ digest: 'old' }), beat({ digest: 'new' })])

  expect(served).toMatchObject({ card: renewed, status: 'ready', conflictingDigests: ['old'] })
})

test('a definition that is loading leaves the service to the one that is ready', () => {
  const heartbeats = [beat({ digest: 'old' }), beat({ digest: 'new', status: 'loading' })]

  const [served] = serveVersions([old, card({ ...renewed, status: 'loading' })], heartbeats)

  expect(served).toMatchObject({ card: old, status: 'ready', conflictingDigests: ['new'] })
})

test('a definition that was rolled back is not served while no worker has it', () => {
  const [served] = serveVersions([old, renewed], [beat({ digest: 'old' })])

  expect(served).toMatchObject({ card: old, status: 'ready', conflictingDigests: [] })
})

test('without a live worker the newest definition is there but unavailable', () => {
  const [served] = serveVersions([renewed, old], [])

  expect(served).toMatchObject({ card: renewed, status: 'unavailable', conflictingDigests: [] })
})

test('one worker that has a definition ready is enough', () => {
  const [served] = serveVersions([old], [beat({ status: 'loading' }), beat({ status: 'ready' })])

  expect(served).toMatchObject({ status: 'ready' })
})

test('an unhealthy version is unavailable, and says why', () => {
  const [served] = serveVersions([old], [beat({ status: 'unhealthy', reason: 'too many rows crashed it' })])

  expect(served).toMatchObject({ status: 'unavailable', reason: 'too many rows crashed it' })
})

test('a version that keeps failing to load is unavailable, and says why', () => {
  const failing = card({ status: 'loading', reason: 'ended by SIGFPE', keepsFailing: true, interface: null })

  const [served] = serveVersions(
    [failing],
    [beat({ status: 'loading', reason: 'ended by SIGFPE', keepsFailing: true })],
  )

  expect(served).toMatchObject({ status: 'unavailable', reason: 'ended by SIGFPE' })
})

test('a version that fails to load is loading where its worker is of the release that does not count tries', () => {
  const failing = card({ status: 'loading', reason: 'ended by SIGFPE', interface: null })

  const [served] = serveVersions([failing], [beat({ status: 'loading', reason: 'ended by SIGFPE' })])

  expect(served).toMatchObject({ status: 'loading', reason: 'ended by SIGFPE' })
})

test('a version that keeps failing in one worker is ready where another one has it', () => {
  const [served] = serveVersions([old], [beat({ status: 'loading', keepsFailing: true }), beat({})])

  expect(served).toMatchObject({ status: 'ready' })
})

test('a refused version says why, as long as a worker refuses it', () => {
  const refused = card({ status: 'refused', reason: 'no such operator' })

  const [served] = serveVersions([refused], [beat({ status: 'refused', reason: 'no such operator' })])

  expect(served).toMatchObject({ status: 'refused', reason: 'no such operator' })
})

test('a model without cards has no versions', () => {
  expect(serveVersions([], [beat({})])).toEqual([])
})

import { expect, test } from 'vitest'
import { whyNothingRuns, whyNotReadyYet } from './worker-readiness.ts'
import type { OwnVersion } from './worker-readiness.ts'

const version = (model: string, name: string, fields: Partial<OwnVersion> = {}): OwnVersion => ({
  model,
  version: name,
  digest: `digest-of-${model}-${name}`,
  status: 'ready',
  reason: null,
  ...fields,
})
const loading = { status: 'loading' } as const
const refused = { status: 'refused', reason: 'it is cut off' } as const

const why = (own: OwnVersion[], { others = [], demand = 'default' }: Partial<Options> = {}) =>
  whyNotReadyYet({ own, others, demand })
type Options = Parameters<typeof whyNotReadyYet>[0]

test('a worker waits for the default version of each model, and not for older ones', () => {
  const own = [version('iris', '1', loading), version('iris', '2'), version('moons', '1', loading)]

  expect(why(own)).toEqual(['version 1 of moons is loading'])
  expect(why(own.slice(0, 2))).toEqual([])
})

test('why a version is still loading is told', () => {
  const own = [version('iris', '1', { status: 'loading', reason: 'its executor was ended by SIGKILL' })]

  expect(why(own)).toEqual(['version 1 of iris is loading: its executor was ended by SIGKILL'])
})

test('one that its files refuse is not waited for, and the one before it is the default', () => {
  expect(why([version('iris', '1'), version('iris', '2', refused)])).toEqual([])
  expect(why([version('iris', '1', loading), version('iris', '2', refused)])).toEqual([
    'version 1 of iris is loading',
  ])
})

test('one that keeps failing to load is not waited for, unless another worker serves it', () => {
  const failing = version('crashes', '1', {
    status: 'loading',
    reason: 'its executor was ended by SIGFPE',
    keepsFailing: true,
  })
  const own = [failing, version('iris', '1')]

  expect(why(own)).toEqual([])
  expect(why(own, { demand: 'all' })).toEqual([
    'version 1 of crashes is loading: its executor was ended by SIGFPE',
  ])
  expect(why(own, { others: [failing] })).toEqual([
    'version 1 of crashes (digest-of-cr) is loading here, and another worker serves it from the same files: its executor was ended by SIGFPE',
  ])
})

test('where all are demanded each has to be loaded', () => {
  const own = [version('iris', '1', loading), version('iris', '2', refused), version('iris', '3')]

  expect(why(own, { demand: 'all' })).toEqual([
    'version 1 of iris is loading',
    'version 2 of iris is refused: it is cut off',
  ])
  expect(why([version('iris', '1'), version('iris', '2')], { demand: 'all' })).toEqual([])
})

test('a version that is refused here and served elsewhere keeps it from being ready', () => {
  const own = [version('iris', '1', refused), version('moons', '1')]

  expect(why(own, { others: [{ model: 'iris', version: '1', digest: 'c0ffee0123456789' }] })).toEqual([
    'version 1 of iris (digest-of-ir) is refused here, and another worker serves it from other files (c0ffee012345): it is cut off',
  ])
  expect(why(own, { others: [{ model: 'iris', version: '1', digest: 'digest-of-iris-1' }] })).toEqual([
    expect.stringContaining('another worker serves it from the same files'),
  ])
})

test('so does a model of which only another worker can serve something', () => {
  const others = [{ model: 'iris', version: '1', digest: 'c0ffee0123456789' }]

  expect(why([version('iris', '2', refused), version('moons', '1')], { others })).toEqual([
    expect.stringContaining('another worker serves version 1 from other files'),
  ])
  // here version 1 goes on being served
  expect(why([version('iris', '1'), version('iris', '2', refused)], { others })).toEqual([])
})

test('what others serve beside it is none of its business', () => {
  const others = [{ model: 'moons', version: '1', digest: 'c0ffee0123456789' }]

  expect(why([version('iris', '1', refused), version('iris', '2')], { others })).toEqual([])
})

test('a worker that can run nothing says so of each version, or that there is none', () => {
  expect(whyNothingRuns([], '/srv/models')).toEqual([
    'there is no model in /srv/models: put a folder with a model.onnx into it and restart the worker',
  ])
  expect(whyNothingRuns([version('iris', '1', refused), version('moons', '1', loading)], '/srv')).toEqual([
    'version 1 of iris is refused: it is cut off',
    'version 1 of moons is loading',
  ])
  expect(whyNothingRuns([version('iris', '1', refused), version('moons', '1')], '/srv')).toEqual([])
})

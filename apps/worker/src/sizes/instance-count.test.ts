import { expect, test } from 'vitest'
import { InstanceCount } from './instance-count.ts'

/** What it says to each of so many runs. */
const runs = (count: InstanceCount, times: number, run: { rowMs: number; present: number }) =>
  Array.from({ length: times }, () => count.ran(run))
const nothing = (times: number) => Array.from({ length: times }, () => undefined)

test('a model whose rows got expensive is to have an executor for each core, after 32 runs', () => {
  expect(runs(new InstanceCount(4), 32, { rowMs: 2, present: 1 })).toEqual([...nothing(31), 4])
})

test('a model whose rows were only measured to be expensive is to have one', () => {
  expect(runs(new InstanceCount(4), 32, { rowMs: 0.1, present: 4 })).toEqual([...nothing(31), 1])
})

test('a few runs that take longer change nothing', () => {
  const count = new InstanceCount(4)

  for (let turn = 0; turn < 10; turn++) {
    expect(runs(count, 31, { rowMs: 2, present: 1 })).toEqual(nothing(31))
    expect(runs(count, 1, { rowMs: 0.5, present: 1 })).toEqual(nothing(1))
  }
})

test('where there was no memory for more it asks again', () => {
  const asked = runs(new InstanceCount(4), 64, { rowMs: 2, present: 1 })

  expect(asked.flatMap((wanted, run) => (wanted === undefined ? [] : [[run, wanted]]))).toEqual([
    [31, 4],
    [63, 4],
  ])
})

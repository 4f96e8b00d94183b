import { expect, test } from 'vitest'
import { planInstances } from './plan-instances.ts'

test('one executor feeds a model whose rows cost next to nothing', () => {
  expect(planInstances({ rowMs: 0.9, cores: 8 })).toBe(1)
})

test('a model that computes gets an executor for each core', () => {
  expect(planInstances({ rowMs: 1, cores: 8 })).toBe(8)
})

test('one that has several keeps them until its rows cost clearly less', () => {
  expect(planInstances({ rowMs: 0.6, cores: 8, present: 8 })).toBe(8)
  expect(planInstances({ rowMs: 0.4, cores: 8, present: 8 })).toBe(1)
})

test('one that has fewer than cores, for want of memory, is to have more', () => {
  expect(planInstances({ rowMs: 2, cores: 8, present: 3 })).toBe(8)
})

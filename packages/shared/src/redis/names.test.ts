import { expect, test } from 'vitest'
import { modelNameSchema } from '../contract/model-name.ts'
import { fileKeys, globalKeys, modelKeys } from './names.ts'

test('all keys of a model are in its Cluster slot', () => {
  const keys = modelKeys('onqueue', 'iris')

  const names = Object.values(keys).map((key) => (typeof key === 'string' ? key : key('x')))

  expect(names.filter((name) => !name.startsWith('onqueue:{iris}:'))).toEqual([])
  expect(new Set(names).size).toBe(names.length)
})

test('the keys of a prediction', () => {
  const keys = modelKeys('onqueue', 'iris')

  expect(keys.outcome('iris-01')).toBe('onqueue:{iris}:outcome:iris-01')
  expect(keys.queue('iris-01')).toBe('onqueue:{iris}:predictions:iris-01')
})

test('installations with different prefixes share no key', () => {
  expect(globalKeys('a').models).toBe('a:models')
  expect(modelKeys('a', 'iris').outcome('x')).not.toBe(modelKeys('b', 'iris').outcome('x'))
})

test('all keys of files are in one Cluster slot, which no model can have', () => {
  const keys = fileKeys('onqueue')

  const names = Object.values(keys).map((key) => (typeof key === 'string' ? key : key('x')))

  expect(names.filter((name) => !name.startsWith('onqueue:{+files}:'))).toEqual([])
  expect(new Set(names).size).toBe(names.length)
  expect(modelNameSchema.safeParse('+files').success).toBe(false)
})

import { expect, test } from 'vitest'
import { globalKeys, modelKeys, modelNameSchema } from './names.ts'

test.each(['a', '7', 'iris', 'all-minilm-l6-v2', 'yolo_v8.1', 'a'.repeat(63)])(
  '%s can be the name of a model',
  (name) => {
    expect(modelNameSchema.safeParse(name).success).toBe(true)
  },
)

test.each(['', 'Iris', '-iris', 'iris-', '.', '..', 'a/b', 'a:b', 'a}b', 'iris\n', 'ä', 'a'.repeat(64)])(
  '%j can not be the name of a model',
  (name) => {
    expect(modelNameSchema.safeParse(name).success).toBe(false)
  },
)

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

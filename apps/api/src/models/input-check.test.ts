import { expect, test } from 'vitest'
import { compileInputCheck } from './input-check.ts'

const check = compileInputCheck({
  type: 'object',
  properties: {
    features: {
      anyOf: [
        { type: 'array', items: { type: 'number' }, minItems: 2, maxItems: 2 },
        {
          type: 'object',
          properties: { age: { type: 'number' }, sex: { enum: ['f', 'm'] } },
          required: ['age', 'sex'],
          additionalProperties: false,
        },
      ],
    },
  },
  required: ['features'],
  additionalProperties: false,
})

test('a good input has no places', () => {
  expect(check({ features: [1, 2] }, '/input')).toEqual([])
  expect(check({ features: { age: 3, sex: 'f' } }, '/input')).toEqual([])
  expect(check([{ features: [1, 2] }, { features: { age: 3, sex: 'm' } }], '/input')).toEqual([])
})

test('a wrong value is pointed at in the form that was meant', () => {
  expect(check({ features: [1, 'secret'] }, '/input')).toEqual([
    { pointer: '/input/features/1', detail: 'expected number, received string' },
  ])
  expect(check({ features: { age: 'secret', sex: 'x', pin: 1 } }, '')).toEqual([
    { pointer: '/features/age', detail: 'expected number, received string' },
    { pointer: '/features/sex', detail: 'expected one of "f"|"m"' },
    { pointer: '/features/pin', detail: 'is not a field here' },
  ])
})

test('a value of no form is told which forms there are', () => {
  expect(check({ features: null }, '')).toEqual([
    { pointer: '/features', detail: 'expected array or object, received null' },
  ])
  expect(check({}, '')).toEqual([{ pointer: '/features', detail: 'is missing' }])
  expect(check('secret', '/input')).toEqual([
    { pointer: '/input', detail: 'expected object, received string' },
  ])
})

test('a wrong length is told', () => {
  expect(check({ features: [1] }, '')).toEqual([
    { pointer: '/features', detail: 'expected array to have >=2 items' },
  ])
})

test('rows are pointed at by their index', () => {
  expect(check([{ features: [1, 2] }, { features: [1, null] }], '/input')).toEqual([
    { pointer: '/input/1/features/1', detail: 'expected number, received null' },
  ])
})

test('an array has 1 to 1,000 rows', () => {
  const places = [{ pointer: '/input', detail: 'an array of inputs has 1 to 1000 rows' }]

  expect(check([], '/input')).toEqual(places)
  expect(check(Array(1001).fill({ features: [1, 2] }), '/input')).toEqual(places)
  expect(check(Array(1000).fill({ features: [1, 2] }), '/input')).toEqual([])
})

test('at most 20 places are given', () => {
  expect(check(Array(1000).fill({}), '/input')).toHaveLength(20)
})

test('rows behind the one with the twentieth problem are not looked at', () => {
  const wrong = Array.from({ length: 30 }, () => ({}))
  let looks = 0
  const rows = new Proxy(wrong, {
    get: (target, property, receiver) => {
      if (/^\d+$/.test(String(property))) looks += 1
      return Reflect.get(target, property, receiver)
    },
  })

  expect(check(rows, '/input')).toHaveLength(20)
  expect(looks).toBe(20)
})

test('no value is repeated', () => {
  const text = JSON.stringify([
    check({ features: ['secret', { secret: 'secret' }] }, ''),
    check({ features: { age: 'secret', sex: 'secret' } }, ''),
    check(['secret'], ''),
  ])

  expect(text).not.toContain('secret')
})

import { expect, test } from 'vitest'
import { isRightAnswer, readId, WrongAnswer } from './read-answer.ts'

const toAnswer = (value: unknown, status = 200) => ({ status, body: JSON.stringify(value) })

test('an answer may have more in it than what is expected', () => {
  const isRight = isRightAnswer({ y: [0.5] })

  expect(isRight(toAnswer({ id: 'a', y: [0.500_000_1] }))).toBe(true)
})

test('a prediction that has not ended is looked at again', () => {
  const isRight = isRightAnswer({ status: 'succeeded', output: 1 })

  expect(isRight(toAnswer({ status: 'queued' }))).toBe(false)
  expect(isRight(toAnswer({ status: 'processing', output: null }))).toBe(false)
  expect(isRight(toAnswer({ status: 'succeeded', output: 1 }))).toBe(true)
})

test('another output is a wrong answer, also after a right one', () => {
  const isRight = isRightAnswer({ y: [0.5] })
  isRight(toAnswer({ y: [0.5] }))

  expect(() => isRight(toAnswer({ y: [0.6] }))).toThrow(WrongAnswer)
  expect(() => isRight(toAnswer({ y: [] }))).toThrow(WrongAnswer)
})

test('an error is no wrong answer', () => {
  const isRight = isRightAnswer({ y: [0.5] })

  expect(() => isRight(toAnswer({ error: 'full' }, 503))).toThrow('503 {"error":"full"}')
  expect(() => isRight(toAnswer({ status: 'failed' }))).toThrow('200 {"status":"failed"}')
})

test('only what was accepted has an id', () => {
  expect(readId(toAnswer({ id: '17', status: 'queued' }, 202))).toBe('17')
  expect(() => readId(toAnswer({ id: '17' }, 500))).toThrow('500')
})

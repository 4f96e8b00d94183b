import { expect, test } from 'vitest'
import { AppError, httpStatusOf } from './app-error.ts'
import { predictionErrorCodes } from './outcome.ts'

test('every way in which a prediction can fail has an HTTP status', () => {
  const withoutStatus = predictionErrorCodes.filter((code) => !(code in httpStatusOf))

  expect(withoutStatus).toEqual([])
})

test('an error carries its code, and what caused it for the log', () => {
  const cause = new Error('ECONNREFUSED')

  const err = new AppError('queue_unavailable', 'the queue does not answer', { cause, retryAfterSeconds: 1 })

  expect(err).toMatchObject({
    name: 'AppError',
    code: 'queue_unavailable',
    cause,
    retryAfterSeconds: 1,
    places: [],
  })
})

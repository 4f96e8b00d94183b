import { AppError } from '@onqueue/shared'
import { InvalidFile } from '@onqueue/shared/rows'
import type { FromBatchExecutor } from '../executor/batch/batch-protocol.ts'

type Failed = Extract<FromBatchExecutor, { type: 'failed' }>

/** What a batch executor could not do, as the error that it met. */
export const toError = ({ why, message, stack }: Failed): Error => {
  if (why === 'invalid_file') return new InvalidFile(message)
  // for the log of the worker: that is where in the executor it happened
  const cause = new Error(message)
  if (stack !== undefined) cause.stack = stack
  if (why === 'defect') return new Error(`a batch executor failed (${message})`, { cause })
  return new AppError(why, message, { retryAfterSeconds: 30, cause })
}

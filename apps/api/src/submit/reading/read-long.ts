import { AppError } from '@onqueue/shared'
import type { AppErrorCode, ErrorPlace } from '@onqueue/shared'
import { decodeUtf8 } from '../../http/bodies/decode-utf8.ts'
import { parseJson } from '../../http/bodies/parse-json.ts'
import { compileInputCheck } from '../../models/input-check.ts'
import type { InputCheck } from '../../models/input-check.ts'
import { fingerprintOf } from '../claims.ts'
import type { SubmitRequest } from '../submit-request.ts'
import { inputPointerOf, readValue } from './read-value.ts'
import type { BodyForm, LongInput, ReadingVersion } from './read-value.ts'

/** All that has to be known to read a long body. Everything in it can be sent to a thread. */
export type ReadingTask = {
  bytes: Uint8Array<ArrayBuffer>
  members: number
  form: BodyForm
  model: string
  /** asked for beside the body */
  version: string | undefined
  versions: ReadingVersion[]
  /** the version of a request that names none */
  defaultVersion: string | undefined
  isKeyed: boolean
  /** of the input as it is kept */
  maxTextBytes: number
  /** where the bytes stand in the body */
  firstLine?: number
}

export type LongRequest = { request: Omit<SubmitRequest, 'input'>; input: LongInput }

export type Refused = { refused: { code: AppErrorCode; message: string; places: ErrorPlace[] } }

export type ReadingReply = { read: LongRequest } | Refused

/**
 * Reads a long body: parses it, checks its input against the schema of the version that it is for, and writes the input as
 * it will be kept. Of all that, text and numbers come back, never the value. What its caller did wrong is a reply, too.
 */
export const readLong = (task: ReadingTask): ReadingReply => refusedOr(() => ({ read: read(task) }))

/** What a function returns, or what it says that the caller did wrong, as it goes from thread to thread. */
export const refusedOr = <Reply>(act: () => Reply): Reply | Refused => {
  try {
    return act()
  } catch (err) {
    if (!(err instanceof AppError)) throw err
    return { refused: { code: err.code, message: err.message, places: err.places } }
  }
}

/** And back. */
export const toRefusal = ({ code, message, places }: Refused['refused']) =>
  new AppError(code, message, { places })

const read = (task: ReadingTask): LongRequest => {
  const { bytes, members, firstLine = 1, form, model, isKeyed, maxTextBytes } = task
  const { input, ...rest } = readValue(parseJson(decodeUtf8(bytes), { members, firstLine }), form)
  const request = { ...rest, version: rest.version ?? task.version }
  const checked = check(input, request.version ?? task.defaultVersion, task)
  // a refusal needs no more than its places
  const text = Buffer.from(checked !== null && checked.places.length > 0 ? '' : JSON.stringify(input))
  if (text.length > maxTextBytes) throw textTooLong(maxTextBytes)
  return {
    request,
    input: {
      text: new Uint8Array(text),
      arrayLength: Array.isArray(input) ? input.length : null,
      checked,
      fingerprint: isKeyed ? fingerprintOf(model, { ...rest, input }) : null,
    },
  }
}

const checks = new Map<string, InputCheck>()
const maxChecks = 50

/** Not where nobody offers such a version: its caller is told so later on. */
const check = (input: unknown, wanted: string | undefined, { versions, form }: ReadingTask) => {
  const found = versions.find(({ version }) => version === wanted)
  if (!found) return null
  const { digest, schema } = found
  const known = checks.get(digest) ?? compile(schema)
  if (checks.size >= maxChecks) checks.clear()
  checks.set(digest, known)
  return { digest, places: known(input, inputPointerOf(form)) }
}

/** What zod can't take is left to the executor, as for short inputs; the API's log has it from there. */
const compile = (schema: ReadingVersion['schema']): InputCheck => {
  try {
    return compileInputCheck(schema)
  } catch {
    return () => []
  }
}

const textTooLong = (maxTextBytes: number) =>
  new AppError(
    'body_too_large',
    `the input takes more than ${maxTextBytes} bytes once its numbers are written out; send less at once`,
  )

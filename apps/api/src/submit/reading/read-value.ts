import type { ErrorPlace, JsonSchema } from '@onqueue/shared'
import type { SubmitRequest } from '../submit-request.ts'
import { parseSubmitRequest } from '../submit-request.ts'

/** What a body is: a request with the input in it, or nothing but the input. */
export type BodyForm = 'request' | 'input'

/** Where the input is in the caller's body. */
export const inputPointerOf = (form: BodyForm) => (form === 'request' ? '/input' : '')

/** A request as its parsed body says. Throws `invalid_input` with the places that are wrong. */
export const readValue = (value: unknown, form: BodyForm): SubmitRequest =>
  form === 'request' ? parseSubmitRequest(value) : { input: value, priority: 'normal', metadata: {} }

/** An input that was read elsewhere, since it is long. */
export type LongInput = {
  /** it as JSON, as if it had been parsed and written again */
  text: Uint8Array<ArrayBuffer>
  /** rows; null where it is one object and not an array */
  arrayLength: number | null
  /** where it does not fit the schema of the version with this digest; null where it was not checked */
  checked: { digest: string; places: ErrorPlace[] } | null
  /** what an idempotency key stands for; null where nobody asked */
  fingerprint: string | null
}

/** A version as far as it counts for reading. */
export type ReadingVersion = { version: string; digest: string; schema: JsonSchema }

import type { ErrorPlace } from '@onqueue/shared'
import type { BodyForm } from './reading/read-value.ts'

/** What is longer says nothing at a glance. */
const longestShown = 200

/**
 * What a caller may have meant whose input does not fit: the wrapping of the other route, or a row of another shape than the
 * model's. Undefined where the input has the names of the model's own, so that the place that is wrong says it all.
 */
export const inputHint = ({
  form,
  input,
  example,
  first,
}: {
  form: BodyForm
  input: unknown
  /** one that the model takes; null where none is known */
  example: unknown
  /** the first place that is wrong */
  first: Pick<ErrorPlace, 'detail'>
}): string | undefined => {
  if (
    form === 'input' &&
    isObject(input) &&
    Object.hasOwn(input, 'input') &&
    !hasNamesOf(example, ['input'])
  ) {
    return 'predict takes the input by itself, without {"input": …} around it'
  }
  if (first.detail.endsWith('expected number, received null')) {
    return 'null is a missing value where model.yaml says missing: allow'
  }
  // a row where whole tensors are wanted has the names, and lacks an array
  const isNamedRight = isLike(input, example) && !first.detail.includes('expected array')
  if (!isObject(example) || isNamedRight) return undefined
  const shown = JSON.stringify(form === 'request' ? { input: example } : example)
  return shown.length > longestShown ? undefined : `one that fits is ${shown}`
}

/** An object with a name of the example's, or an array of those. */
const isLike = (input: unknown, example: unknown) => {
  const row: unknown = Array.isArray(input) ? input[0] : input
  return isObject(row) && hasNamesOf(example, Object.keys(row))
}

const hasNamesOf = (example: unknown, names: readonly string[]) =>
  isObject(example) && names.some((name) => Object.hasOwn(example, name))

const isObject = (value: unknown): value is object =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

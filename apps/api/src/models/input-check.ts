import type { ErrorPlace, JsonSchema } from '@onqueue/shared'
import { z } from 'zod'
import { boundIssues } from '../http/bodies/bound-issues.ts'
import { maxPlaces, toPlaces } from '../http/bodies/issue-places.ts'

/**
 * Checks an input against a model's schema, which is of one row: an array is checked row by row. Returns the places
 * that are wrong, at most `maxPlaces`, none when the input is good. Pointers start with `pointer`.
 */
export type InputCheck = (input: unknown, pointer: string) => ErrorPlace[]

export const maxRows = 1000

/** Throws where the schema has a keyword that zod can't take. */
export const compileInputCheck = (schema: JsonSchema): InputCheck => {
  const row = boundIssues(z.fromJSONSchema(schema), maxPlaces)
  const checkRow = (input: unknown, pointer: string) => {
    const parsed = row.safeParse(input)
    return parsed.success ? [] : toPlaces(parsed.error.issues, pointer)
  }

  return (input, pointer) => {
    if (!Array.isArray(input)) return checkRow(input, pointer)
    if (input.length === 0 || input.length > maxRows) {
      return [{ pointer, detail: `an array of inputs has 1 to ${maxRows} rows` }]
    }
    const places: ErrorPlace[] = []
    for (let index = 0; index < input.length && places.length < maxPlaces; index++) {
      places.push(...checkRow(input[index], `${pointer}/${index}`))
    }
    return places.slice(0, maxPlaces)
  }
}

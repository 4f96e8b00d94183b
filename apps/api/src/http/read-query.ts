import { AppError } from '@onqueue/shared'
import type { HonoRequest } from 'hono'

/**
 * The query parameters of a request for a route that has those of `names`. Throws `invalid_request` for any other, and for one
 * that is there twice: of what is misspelt, or belongs into the body, nothing would be done, and nobody be told.
 */
export const readQuery = <Name extends string>(
  request: HonoRequest,
  names: readonly Name[],
): Partial<Record<Name, string>> => {
  // most requests have none
  if (!request.url.includes('?')) return {}
  const known: readonly string[] = names
  const asked = request.queries()
  const other = Object.keys(asked).find((name) => !known.includes(name))
  if (other !== undefined) {
    const takes = names.length === 0 ? 'none' : names.join(' and ')
    throw unusable(other, `is not a parameter here; this path takes ${takes}`)
  }
  const found: Partial<Record<Name, string>> = {}
  for (const name of names) {
    const [value, again] = asked[name] ?? []
    if (again !== undefined) throw unusable(name, 'is there twice; send it once')
    if (value !== undefined) found[name] = value
  }
  return found
}

export const unusable = (name: string, what: string) =>
  new AppError('invalid_request', `the query can't be used: ${name}: ${what}`)

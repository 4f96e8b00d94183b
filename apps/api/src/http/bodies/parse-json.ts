import { AppError } from '@onqueue/shared'
import type { ErrorPlace } from '@onqueue/shared'
import { findDoubledMember } from './doubled-member.ts'
import { locateJsonError } from './locate-json-error.ts'
import { describePlace, jsonPointer } from './json-pointer.ts'

/**
 * The value of a JSON text that came from outside, and whose bytes a `JsonScan` let pass.
 *
 * Refuses what no later code should have to think about: `__proto__` names, members that are there twice, of which
 * `JSON.parse` drops all but the last, numbers beyond the range of a double, which it makes infinite, and halves of
 * surrogate pairs (`\ud800`), of which UTF-8 makes U+FFFD wherever they leave this process. The messages never repeat the
 * text, as V8's own would.
 */
export const parseJson = (
  text: string,
  {
    members,
    firstLine = 1,
  }: {
    members: number
    /** where the text stands in the body */
    firstLine?: number
  },
): unknown => {
  const value = parse(text, firstLine)
  const found = { members: 0 }
  const unfit = findUnfit(value, found) ?? (found.members < members ? findDoubled(text) : undefined)
  if (!unfit) return value
  const place: ErrorPlace = { pointer: jsonPointer('', unfit.path), detail: unfit.detail }
  throw new AppError('invalid_input', describePlace(place), { places: [place] })
}

const parse = (text: string, firstLine: number): unknown => {
  try {
    return JSON.parse(text)
  } catch {
    if (text.trim() === '') throw new AppError('malformed_json', 'the body is empty; send a JSON document')
    const { line, column, reason } = locateJsonError(text)
    const place = `line ${firstLine + line - 1}, column ${column}: ${reason}`
    throw new AppError('malformed_json', `the body is not JSON: ${place}${shellHint(text)}`)
  }
}

/** What is left of a quoted text after a shell of Windows: its single quotes, or names and words without the double ones. */
const shellHint = (text: string) =>
  /^\s*'/.test(text) || /^\s*[[{]+\s*[A-Za-z_]+\s*:/.test(text.slice(0, 1000))
    ? '. The shell took or left quotes: in cmd.exe and PowerShell write -d "{\\"name\\": …}", or send a file with -d @input.json'
    : ''

type Unfit = { path: PropertyKey[]; detail: string }

const half = 'half of a surrogate pair, which is no character,'

/**
 * The first value that is not fit for use. Its path is put together on the way back, so that finding none is cheap. The
 * members of all objects are counted on the way.
 */
const findUnfit = (value: unknown, found: { members: number }): Unfit | undefined => {
  if (typeof value === 'number') {
    return Number.isFinite(value) ? undefined : { path: [], detail: 'is too large a number' }
  }
  if (typeof value === 'string') {
    return value.isWellFormed() ? undefined : { path: [], detail: `has ${half} in it` }
  }
  if (typeof value !== 'object' || value === null) return undefined
  if (Array.isArray(value)) {
    for (let index = 0; index < value.length; index++) {
      const unfit = findUnfit(value[index], found)
      if (unfit) return { ...unfit, path: [index, ...unfit.path] }
    }
    return undefined
  }
  for (const [key, item] of Object.entries(value)) {
    if (key === '__proto__') return { path: [key], detail: 'is not a usable name' }
    // a pointer to it would be no text either
    if (!key.isWellFormed()) return { path: [], detail: `has a name with ${half} in it` }
    found.members++
    const unfit = findUnfit(item, found)
    if (unfit) return { ...unfit, path: [key, ...unfit.path] }
  }
  return undefined
}

const findDoubled = (text: string): Unfit | undefined => {
  const path = findDoubledMember(text)
  return path && { path, detail: 'is there twice; send each name once' }
}

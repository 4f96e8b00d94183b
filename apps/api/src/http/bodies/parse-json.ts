import { AppError } from '@onqueue/shared'
import type { ErrorPlace } from '@onqueue/shared'
import { locateJsonError } from './locate-json-error.ts'
import { describePlace, jsonPointer } from './json-pointer.ts'

/** Deeper than any input of a model, and shallow enough for every recursive function that a body meets later. */
const maxDepth = 64

/**
 * The value of a JSON text that came from outside.
 *
 * Refuses what no later code should have to think about: nesting too deep to recurse into (checked on the text, before
 * anything recurses), `__proto__` keys, and numbers beyond the range of a double, which `JSON.parse` makes infinite.
 * The messages never repeat the text, as V8's own would.
 */
export const parseJson = (text: string): unknown => {
  if (isNestedDeeper(text, maxDepth)) {
    throw new AppError('invalid_request', `the body is nested deeper than ${maxDepth} levels; flatten it`)
  }
  const value = parse(text)
  const unfit = findUnfit(value)
  if (!unfit) return value
  const place: ErrorPlace = { pointer: jsonPointer('', unfit.path), detail: unfit.detail }
  throw new AppError('invalid_input', describePlace(place), { places: [place] })
}

const parse = (text: string): unknown => {
  try {
    return JSON.parse(text)
  } catch {
    if (text.trim() === '') throw new AppError('malformed_json', 'the body is empty; send a JSON document')
    const { line, column, reason } = locateJsonError(text)
    throw new AppError('malformed_json', `the body is not JSON: line ${line}, column ${column}: ${reason}`)
  }
}

/** One pass over the characters: brackets outside of strings. */
export const isNestedDeeper = (text: string, limit: number) => {
  let depth = 0
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at)
    if (code === quote) at = endOfString(text, at)
    else if (code === openBrace || code === openBracket) {
      if (++depth > limit) return true
    } else if (code === closeBrace || code === closeBracket) depth--
  }
  return false
}

const quote = 0x22
const backslash = 0x5c
const openBrace = 0x7b
const closeBrace = 0x7d
const openBracket = 0x5b
const closeBracket = 0x5d

/** Index of the quote that ends the string which begins at `start`; the end of the text when none does. */
const endOfString = (text: string, start: number) => {
  for (let end = text.indexOf('"', start + 1); end !== -1; end = text.indexOf('"', end + 1)) {
    let escapes = 0
    while (text.charCodeAt(end - 1 - escapes) === backslash) escapes++
    if (escapes % 2 === 0) return end
  }
  return text.length
}

type Unfit = { path: PropertyKey[]; detail: string }

/** The first value that is not fit for use. Its path is put together on the way back, so that finding none is cheap. */
const findUnfit = (value: unknown): Unfit | undefined => {
  if (typeof value === 'number') {
    return Number.isFinite(value) ? undefined : { path: [], detail: 'is too large a number' }
  }
  if (typeof value !== 'object' || value === null) return undefined
  if (Array.isArray(value)) {
    for (let index = 0; index < value.length; index++) {
      const found = findUnfit(value[index])
      if (found) return { ...found, path: [index, ...found.path] }
    }
    return undefined
  }
  for (const [key, item] of Object.entries(value)) {
    if (key === '__proto__') return { path: [key], detail: 'is not a usable name' }
    const found = findUnfit(item)
    if (found) return { ...found, path: [key, ...found.path] }
  }
  return undefined
}

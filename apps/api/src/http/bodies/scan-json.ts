import { isUtf8 } from 'node:buffer'
import { AppError } from '@onqueue/shared'
import { invalidUtf8At } from './invalid-utf8-at.ts'
import { backslash, closeBrace, closeBracket, colon, openBrace, openBracket, quote } from './json-bytes.ts'

/**
 * What a JSON text holds, counted on its bytes before anything is made of them.
 *
 * A body of 10 MB can become gigabytes of objects, or hold up the process for seconds, by its shape alone. So nothing is
 * decoded or parsed before this pass, which keeps a few numbers and costs some milliseconds a megabyte: it refuses what is
 * not UTF-8, what is nested too deep to recurse into, and more small values than anybody means. It does not judge whether
 * the text is JSON; what is none is counted in some way, and refused by the parser afterwards.
 */
export type JsonScan = {
  /** The next bytes of the text. May end anywhere. */
  take(bytes: Uint8Array): void
  /** After the last bytes: members of all objects together, which a parsed value has too unless one was doubled. */
  end(): { members: number }
}

/** Deeper than any input of a model, and shallow enough for every recursive function that a body meets later. */
export const maxDepth = 64
/** Names, other strings and objects together. Each costs a hundred bytes and more, numbers cost eight. */
export const maxTexts = 100_000
/** Arrays: a tensor of as many rows of one number. */
export const maxArrays = 500_000

/** Throws `malformed_json` for what is not UTF-8, `invalid_request` for what is too deep, `body_too_large` for too much. */
export const createJsonScan = (): JsonScan => {
  let depth = 0
  let texts = 0
  let arrays = 0
  let members = 0
  let isInString = false
  let isEscaped = false
  let bytesBefore = 0
  /** the first bytes of a character that the slice before ended in */
  let cut: Uint8Array = nothing

  const check = (bytes: Uint8Array, isLast: boolean) => {
    if (cut.length === 0 && isUtf8(bytes)) return
    const joined = cut.length === 0 ? bytes : Buffer.concat([cut, bytes])
    const end = isLast ? joined.length : endOfWhole(joined)
    const whole = joined.subarray(0, end)
    if (!isUtf8(whole)) {
      const at = bytesBefore - cut.length + invalidUtf8At(whole)
      throw new AppError('malformed_json', `the body is not UTF-8 at byte ${at}; send it as UTF-8`)
    }
    cut = joined.subarray(end)
  }

  const count = (bytes: Uint8Array) => {
    for (let at = 0; at < bytes.length; at++) {
      const byte = bytes[at]
      if (isInString) {
        if (isEscaped) isEscaped = false
        else if (byte === backslash) isEscaped = true
        else if (byte === quote) isInString = false
      } else if (byte === quote) {
        isInString = true
        texts++
      } else if (byte === colon) members++
      else if (byte === openBrace) {
        texts++
        depth++
        if (depth > maxDepth) throw tooDeep()
      } else if (byte === openBracket) {
        arrays++
        depth++
        if (depth > maxDepth) throw tooDeep()
      } else if (byte === closeBrace || byte === closeBracket) depth--
    }
  }

  return {
    take: (bytes) => {
      check(bytes, false)
      count(bytes)
      bytesBefore += bytes.length
      if (texts > maxTexts) throw tooMany(`${maxTexts} names, strings and objects`)
      if (arrays > maxArrays) throw tooMany(`${maxArrays} arrays`)
    },
    end: () => {
      check(nothing, true)
      return { members }
    },
  }
}

const nothing = new Uint8Array(0)

/** Where a character begins that the bytes may not have to its end; their length where the last one is whole. */
const endOfWhole = (bytes: Uint8Array) => {
  for (let back = 1; back <= Math.min(3, bytes.length); back++) {
    const byte = bytes[bytes.length - back] ?? 0
    if (byte >= 0xc0) return back < lengthOfCharacter(byte) ? bytes.length - back : bytes.length
    if (byte < 0x80) break
  }
  return bytes.length
}

const lengthOfCharacter = (first: number) => (first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2)

const tooDeep = () =>
  new AppError('invalid_request', `the body is nested deeper than ${maxDepth} levels; flatten it`)

const tooMany = (what: string) =>
  new AppError('body_too_large', `the body has more than ${what} in it; send less at once`)

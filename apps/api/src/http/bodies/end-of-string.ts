import { backslash, quote } from './json-bytes.ts'

/**
 * Index behind the JSON string that begins at `start`, where its quote is; undefined where it does not end, or holds what no
 * JSON string may. A loop, since a pattern over megabytes of escapes takes more stack than there is.
 */
export const endOfString = (text: string, start: number): number | undefined => {
  for (let at = start + 1; at < text.length; at++) {
    const code = text.charCodeAt(at)
    if (code === quote) return at + 1
    if (code < space) return undefined
    if (code === backslash) {
      at++
      const escape = text.charAt(at)
      if (escape === 'u' && isHex(text, at + 1)) at += 4
      else if (escape === '' || !'"\\/bfnrt'.includes(escape)) return undefined
    }
  }
  return undefined
}

const space = 0x20

const isHex = (text: string, at: number) => /^[0-9a-fA-F]{4}$/.test(text.slice(at, at + 4))

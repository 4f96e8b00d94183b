const zero = 48
const nine = 57
const space = 32
const tab = 9

/** 10 to these powers are exact. */
const powersOfTen = Array.from({ length: 23 }, (_, power) => 10 ** power)

/** A number as people and programs write it: with a sign, without digits before or behind its point, with an exponent. */
const numberPattern = /^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$/

/**
 * The number that bytes say in decimal, correctly rounded, or NaN where they say none. Spaces around it don't count.
 *
 * Up to 15 digits are an integer that is exact, and so is 10 to a power up to 22: their product or quotient is rounded
 * once, so that it is what `Number` makes of the text, without making the text. Everything else is left to `Number`.
 */
export const parseNumber = (bytes: Uint8Array, from: number, to: number): number => {
  let start = from
  let end = to
  while (start < end && isSpace(bytes[start])) start += 1
  while (end > start && isSpace(bytes[end - 1])) end -= 1
  const isNegative = bytes[start] === 45
  let digits = 0
  let decimals = 0
  let mantissa = 0
  let hasPoint = false
  for (let index = isNegative ? start + 1 : start; index < end; index++) {
    const byte = bytes[index] ?? 0
    if (byte >= zero && byte <= nine) {
      mantissa = mantissa * 10 + (byte - zero)
      digits += 1
      if (hasPoint) decimals += 1
    } else if (byte === 46 && !hasPoint) hasPoint = true
    else return parseText(bytes, start, end)
  }
  if (digits === 0 || digits > 15) return parseText(bytes, start, end)
  const value = decimals === 0 ? mantissa : mantissa / (powersOfTen[decimals] ?? NaN)
  return isNegative ? -value : value
}

const isSpace = (byte: number | undefined) => byte === space || byte === tab

const parseText = (bytes: Uint8Array, start: number, end: number) => {
  const text = String.fromCharCode(...bytes.subarray(start, Math.min(end, start + 400)))
  return end - start <= 400 && numberPattern.test(text) ? Number(text) : NaN
}

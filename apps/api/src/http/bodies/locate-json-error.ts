import { endOfString } from './end-of-string.ts'

/**
 * Where and why a text that `JSON.parse` refuses is not JSON.
 *
 * V8 says so too, but in a message that quotes the text, and without a position where a token is wrong. This walks the
 * tokens and holds what may come next; it runs only for texts that were already refused. Line and column count from 1.
 */
export const locateJsonError = (text: string): { line: number; column: number; reason: string } => {
  const open: ('{' | '[')[] = []
  let expected: Expected = 'value'
  let at = 0

  const failAt = (position: number, reason: string) => ({ ...lineAndColumn(text, position), reason })

  for (;;) {
    at = endOf(/[ \t\n\r]*/y, text, at) ?? at
    if (at >= text.length) return failAt(at, `the text ends where ${wording[expected]} should follow`)
    const char = text.charAt(at)

    if (expected === 'value' || expected === 'value or ]') {
      if (char === '{' || char === '[') {
        open.push(char)
        expected = char === '{' ? 'name or }' : 'value or ]'
        at++
        continue
      }
      if (char !== ']' || expected === 'value') {
        const end = char === '"' ? endOfString(text, at) : endOf(scalar, text, at)
        if (end === undefined) return failAt(at, notAValue(text, at))
        at = end
        expected = open.length === 0 ? 'end' : 'comma or close'
        continue
      }
    }
    if ((expected === 'name' || expected === 'name or }') && char !== '}') {
      const end = char === '"' ? endOfString(text, at) : undefined
      if (end === undefined) return failAt(at, notAString(char))
      at = end
      expected = 'colon'
      continue
    }
    if (expected === 'colon') {
      if (char !== ':') return failAt(at, 'a colon should stand here')
      at++
      expected = 'value'
      continue
    }
    if (expected === 'name') return failAt(at, 'a comma stands before the closing bracket')
    if (expected === 'end') return failAt(at, 'the document ended before this')
    if (expected === 'comma or close' && char === ',') {
      at++
      expected = open.at(-1) === '{' ? 'name' : 'value'
      continue
    }
    if (char !== (open.at(-1) === '{' ? '}' : ']'))
      return failAt(at, `${wording[expected]} should stand here`)
    open.pop()
    at++
    expected = open.length === 0 ? 'end' : 'comma or close'
  }
}

const lineAndColumn = (text: string, position: number) => {
  let line = 1
  let lineStart = 0
  for (let end = text.indexOf('\n'); end !== -1 && end < position; end = text.indexOf('\n', lineStart)) {
    line++
    lineStart = end + 1
  }
  return { line, column: position - lineStart + 1 }
}

type Expected = keyof typeof wording

const wording = {
  value: 'a value',
  'value or ]': 'a value or ]',
  name: 'a name in double quotes',
  'name or }': 'a name in double quotes or }',
  colon: 'a colon',
  'comma or close': 'a comma or a closing bracket',
  end: 'nothing more',
} as const

const scalar = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?(?![\w.])|(?:true|false|null)(?!\w)/y

const endOf = (pattern: RegExp, text: string, at: number) => {
  pattern.lastIndex = at
  return pattern.test(text) ? pattern.lastIndex : undefined
}

const notAValue = (text: string, at: number) => {
  if (/^[-+]?(?:NaN|Infinity)/.test(text.slice(at, at + 10))) return 'NaN and Infinity are no JSON numbers'
  const char = text.charAt(at)
  if (char === "'") return 'strings take double quotes'
  if (char === '"') return notAString(char)
  if (char === ']' || char === '}') return 'a comma stands before the closing bracket'
  return /[\d+.-]/.test(char) ? 'this is no JSON number' : 'a value should stand here'
}

const notAString = (char: string) => {
  if (char === "'") return 'strings take double quotes'
  return char === '"'
    ? 'this string does not end, or has a bad escape in it'
    : 'a name in double quotes should stand here'
}

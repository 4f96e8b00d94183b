/** Characters that a terminal obeys instead of showing them, or that reorder what stands beside them; and halves of some. */
const controls = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu

/**
 * A line that may hold names out of a file, with what is none to look at as `\u001b`: whoever made the file may not write to
 * the terminal. In JSON and in quoted YAML the escapes mean the characters that they are for.
 */
export const escapeControls = (line: string) => line.replaceAll(controls, escape)

const escape = (character: string) =>
  character
    .split('')
    .map((unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`)
    .join('')

/** JSON that can be shown. The line breaks that it is laid out with stay. */
export const showJson = (value: unknown) =>
  JSON.stringify(value, null, 2).split('\n').map(escapeControls).join('\n')

import { endOfString } from './end-of-string.ts'

/**
 * The path to the first member of an object in a JSON text whose name was there before; undefined where there is none. The
 * text is one that `JSON.parse` takes, which keeps the last of such members and says nothing. Names are compared as they
 * are meant, however they are spelled.
 */
export const findDoubledMember = (text: string): (string | number)[] | undefined => {
  const open: { names: Set<string> | null; key: string | number }[] = []
  let isNameNext = false
  for (let at = 0; at < text.length; at++) {
    const inside = open.at(-1)
    switch (text.charAt(at)) {
      case '{':
        open.push({ names: new Set(), key: '' })
        isNameNext = true
        break
      case '[':
        open.push({ names: null, key: 0 })
        break
      case '}':
      case ']':
        open.pop()
        isNameNext = false
        break
      case ',':
        if (typeof inside?.key === 'number') inside.key++
        isNameNext = inside?.names != null
        break
      case '"': {
        const end = endOfString(text, at) ?? text.length
        if (isNameNext && inside?.names) {
          const name = String(JSON.parse(text.slice(at, end)))
          if (inside.names.has(name)) return [...open.slice(0, -1).map(({ key }) => key), name]
          inside.names.add(name)
          inside.key = name
          isNameNext = false
        }
        at = end - 1
        break
      }
      default:
    }
  }
  return undefined
}

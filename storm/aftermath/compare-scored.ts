import { createReadStream } from 'node:fs'
import { createInterface } from 'node:readline'

const mostShown = 3

/** Where the lines of a file are not those of another: how many, from which to which, and the first of them. */
export const compareScored = async (path: string, otherPath: string): Promise<string> => {
  const others = linesOf(otherPath)
  const different: number[] = []
  const shown: string[] = []
  let row = 0
  for await (const line of linesOf(path)) {
    const { value: other } = await others.next()
    if (line !== other) {
      different.push(row)
      if (shown.length < mostShown) shown.push(`${line} and not ${String(other)}`)
    }
    row += 1
  }
  return different.length === 0
    ? 'no line differs'
    : `${different.length} lines differ, from ${different[0]} to ${different.at(-1)}: ${shown.join('; ')}`
}

const linesOf = (path: string) => createInterface({ input: createReadStream(path) })[Symbol.asyncIterator]()

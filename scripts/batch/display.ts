import { clearLine, cursorTo } from 'node:readline'
import type { WriteStream } from 'node:tty'
import { escapeControls } from '../commands/escape-controls.ts'

/** What is said while a batch runs: on stderr, for stdout may be the output. */
export type Display = {
  /** a line that stays */
  say(sentence: string): void
  /** a line that the next one replaces; where there is no terminal it stays, and only some are written */
  progress(line: string): void
  hasBar: boolean
}

/** Without a terminal progress is written so often. */
const plainIntervalMs = 10_000

export const createDisplay = (
  stream: NodeJS.WritableStream & Partial<Pick<WriteStream, 'isTTY' | 'columns'>>,
  { now = () => performance.now() }: { now?: () => number } = {},
): Display => {
  const hasBar = stream.isTTY === true
  let hasProgress = false
  let last = ''
  let lastAt = -Infinity
  const clear = () => {
    if (!hasProgress) return
    cursorTo(stream, 0)
    clearLine(stream, 0)
    hasProgress = false
  }
  return {
    hasBar,
    say: (sentence) => {
      clear()
      stream.write(`${sentence.split('\n').map(escapeControls).join('\n')}\n`)
    },
    progress: (line) => {
      const shown = escapeControls(line)
      if (hasBar) {
        clear()
        // a line that wraps can't be taken back
        stream.write(shown.slice(0, (stream.columns ?? 80) - 1))
        hasProgress = true
      } else if (shown !== last && now() - lastAt >= plainIntervalMs) {
        stream.write(`${shown}\n`)
        last = shown
        lastAt = now()
      }
    },
  }
}

import { ConfigError } from './environment.ts'

/**
 * Runs an app as a process: starts it, and closes it when the process is told to end or whoever started it is gone.
 *
 * With an IPC channel it says `{ type: 'ready', url }` there, or `{ type: 'fatal', message }` for a ConfigError: that it
 * can't run as it is configured, so that starting it again would be of no use. Without a channel the sentence of a
 * ConfigError goes to stderr. Whatever else is thrown is a defect: it ends the process with its stack.
 */
export const runProcess = async (
  name: string,
  start: () => Promise<{ url: string; close: () => Promise<unknown> }>,
) => {
  try {
    const running = await start()
    // listened for before anybody knows that it is ready, and may have it end at once
    const toldToEnd = untilToldToEnd()
    process.send?.({ type: 'ready', url: running.url })
    await toldToEnd
    await running.close()
    process.exit(0)
  } catch (err) {
    if (!(err instanceof ConfigError)) throw err
    await refuse(`${name}: ${err.message}`)
    process.exit(1)
  }
}

const untilToldToEnd = () =>
  new Promise((resolve) => {
    for (const event of ['SIGINT', 'SIGTERM', 'disconnect']) process.once(event, resolve)
  })

/** Resolves when the sentence has left the process. */
const refuse = (message: string) =>
  new Promise<unknown>((resolve) => {
    if (process.send) process.send({ type: 'fatal', message }, resolve)
    else process.stderr.write(`${message}\n`, resolve)
  })

import { createDisplay } from './batch/display.ts'
import { runBatch } from './batch/run-batch.ts'
import { CommandError } from './commands/command-error.ts'
import { typedIn } from './commands/typed-in.ts'

const main = async () => {
  const ending = new AbortController()
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => ending.abort())
  const display = createDisplay(process.stderr)
  try {
    process.exitCode = await runBatch(process.argv.slice(2), {
      settings: {
        url: process.env['ONQUEUE_URL'] || undefined,
        key: process.env['ONQUEUE_API_KEY'] || undefined,
      },
      folder: typedIn('batch', process.env),
      display,
      signal: ending.signal,
    })
  } catch (err) {
    display.say(
      err instanceof CommandError ? err.message : `this went wrong, and should not have: ${String(err)}`,
    )
    process.exitCode = err instanceof CommandError ? err.exitCode : 2
  }
  // a pipe on stdin that nobody closes would keep this waiting
  process.stdin.destroy()
}

if (import.meta.main) await main()

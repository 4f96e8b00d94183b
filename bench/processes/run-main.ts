import { messageOf, SetupError } from '../../scripts/bootstrap/setup-error.mjs'
import { closeAll } from './closing.ts'

/** Runs a program to its exit code, and closes what it has opened when it fails or is interrupted. */
export const runMain = (main: () => Promise<number>) => {
  let isInterrupted = false
  const interrupt = () => {
    // one Ctrl-C may come twice: from the terminal, and from npm
    if (isInterrupted) return
    isInterrupted = true
    void closeAll().finally(() => process.exit(130))
  }
  for (const event of ['SIGINT', 'SIGTERM', 'SIGHUP', 'disconnect']) process.on(event, interrupt)

  main().then(
    (exitCode) => process.exit(exitCode),
    async (err: unknown) => {
      // what failed because it was ended is no news
      if (isInterrupted) return
      console.error(err instanceof SetupError ? messageOf(err) : err)
      await closeAll()
      process.exit(1)
    },
  )
}

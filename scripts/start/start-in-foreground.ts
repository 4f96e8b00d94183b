import { runOnQueue } from './run-onqueue.ts'
import type { RunOptions } from './run-onqueue.ts'
import { listenForStop } from './stop-signals.ts'

/** `runOnQueue` as a program: with this process's environment, output and signals. Ends the process. */
export const startInForeground = async (
  options: Pick<RunOptions, 'apps' | 'redisSources'>,
): Promise<never> => {
  const { stop, kill } = listenForStop(process)
  // a second Ctrl-C is from somebody in a hurry: what has not ended two seconds later is left to the system
  kill.addEventListener('abort', () => setTimeout(() => process.exit(130), 2000))
  // a terminal that was closed takes no more text; that must not keep the rest from being stopped in order
  process.stdout.on('error', () => {})

  const exitCode = await runOnQueue({
    ...options,
    env: process.env,
    stop,
    kill,
    say: (subject, sentence) => console.log(`${elapsed()} s  ${subject}: ${sentence}`),
    print: (text) => console.log(text),
    complain: (sentence) => console.error(sentence),
  })
  process.exit(kill.aborted ? 130 : exitCode)
}

const elapsed = () => (performance.now() / 1000).toFixed(1).padStart(5)

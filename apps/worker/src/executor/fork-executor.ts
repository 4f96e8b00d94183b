import type { ChildProcess } from 'node:child_process'
import { forkProgram } from './fork-program.ts'

const program = new URL('./executor-process.ts', import.meta.url)

/**
 * Starts an executor that holds no model yet. A young generation of 1 MB saves 5 MB under load and costs no time, since rows
 * and results are small or short-lived.
 */
export const forkExecutor = (): ChildProcess =>
  forkProgram(program, {
    youngMb: 1,
    firstToGo: 700,
    // the last one is for its runs (run-channel.ts): it takes half of what the IPC channel does
    stdio: ['ignore', 'inherit', 'inherit', 'ipc', 'pipe'],
  })

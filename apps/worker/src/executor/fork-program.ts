import { fork } from 'node:child_process'
import type { ChildProcess, StdioOptions } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { executorEnvironment } from './executor-environment.ts'

const compileCache = fileURLToPath(new URL('../../../../.cache/compile', import.meta.url))

/**
 * Starts a program that holds models, without a word to it yet.
 *
 * Stripping types costs 30 MB, which is not given back; a compile cache that is warm saves it. `youngMb` is the young
 * generation: as large as what one of its tasks makes and throws away.
 */
export const forkProgram = (
  program: URL,
  {
    youngMb,
    firstToGo,
    stdio = ['ignore', 'inherit', 'inherit', 'ipc'],
  }: {
    youngMb: number
    /** from 0 to 1000: where memory runs out the system ends the process with the most of it first */
    firstToGo: number
    stdio?: StdioOptions
  },
): ChildProcess => {
  const child = fork(fileURLToPath(program), [], {
    serialization: 'advanced',
    execArgv: [`--max-semi-space-size=${youngMb}`],
    // ONNX Runtime reports its use to its maker unless it is told not to
    env: {
      NODE_COMPILE_CACHE: compileCache,
      ...executorEnvironment(process.env),
      ORT_DISABLE_TELEMETRY: '1',
    },
    stdio,
  })
  giveWay(child.pid, firstToGo)
  return child
}

/** Where memory runs out the system ends what took it, which is replaced, before a worker or a Redis. */
const giveWay = (pid: number | undefined, score: number) => {
  if (process.platform !== 'linux' || pid === undefined) return
  try {
    writeFileSync(`/proc/${pid}/oom_score_adj`, String(score))
  } catch {
    // it is gone already, or this is not allowed here
  }
}

import { fork } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { executorEnvironment } from './executor-environment.ts'

const program = fileURLToPath(new URL('./executor-process.ts', import.meta.url))
const compileCache = fileURLToPath(new URL('../../../../.cache/compile', import.meta.url))

/**
 * Starts an executor that holds no model yet. What is set here halves the memory that it takes beside the model.
 *
 * Stripping types costs 30 MB, which is not given back; a compile cache that is warm saves it. A young generation of
 * 1 MB saves 5 MB under load and costs no time, since rows and results are small or short-lived.
 */
export const forkExecutor = (): ChildProcess => {
  const child = fork(program, [], {
    serialization: 'advanced',
    execArgv: ['--max-semi-space-size=1'],
    // ONNX Runtime reports its use to its maker unless it is told not to
    env: {
      NODE_COMPILE_CACHE: compileCache,
      ...executorEnvironment(process.env),
      ORT_DISABLE_TELEMETRY: '1',
    },
    // the last one is for its runs (run-channel.ts): it takes half of what the IPC channel does
    stdio: ['ignore', 'inherit', 'inherit', 'ipc', 'pipe'],
  })
  giveWayFirst(child.pid)
  return child
}

/** Where memory runs out the system ends the executor that took it, which is replaced, before a worker or a Redis. */
const giveWayFirst = (pid: number | undefined) => {
  if (process.platform !== 'linux' || pid === undefined) return
  try {
    writeFileSync(`/proc/${pid}/oom_score_adj`, '700')
  } catch {
    // it is gone already, or this is not allowed here
  }
}

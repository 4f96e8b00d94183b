import { fork } from 'node:child_process'
import { once } from 'node:events'
import { basename } from 'node:path'
import { z } from 'zod'

/** A program of the bench in a process of its own, so that its CPU time and memory are nobody else's. */
export type BenchProcess = {
  pid: number
  /** Sends a request and resolves to the answer; answers come in the order of the requests. */
  ask: <Answer>(request: object, answerSchema: z.ZodType<Answer>) => Promise<Answer>
  /** Sends a request and resolves when it was done, where there is nothing to answer. */
  tell: (request: object) => Promise<void>
  /** Ends it, by force when it does not go by itself. May be called twice. */
  close: () => Promise<void>
}

type Waiter = { resolve: (answer: unknown) => void; reject: (reason: Error) => void }

const answerSchema = z.union([z.object({ answer: z.unknown() }), z.object({ failure: z.string() })])
const graceMs = 5000

/** `file` answers with `answerParent`. */
export const startBenchProcess = async (file: string): Promise<BenchProcess> => {
  const name = basename(file)
  const child = fork(file, [], {
    serialization: 'advanced',
    // what the bench itself was started with (a profiler, an env file) is not for the measured program
    execArgv: [],
    env: { ...process.env, ORT_DISABLE_TELEMETRY: '1' },
  })
  const waiters: Waiter[] = []
  const ended = new Promise<void>((resolve) => {
    child.once('exit', (code, signal) => {
      for (const { reject } of waiters.splice(0)) reject(new Error(`${name} ended (${signal ?? code})`))
      resolve()
    })
  })
  child.on('message', (message) => {
    const answered = answerSchema.parse(message)
    const waiter = waiters.shift()
    if ('failure' in answered) waiter?.reject(new Error(`${name}: ${answered.failure}`))
    else waiter?.resolve(answered.answer)
  })
  await once(child, 'spawn')

  const send = (request: object) =>
    new Promise<unknown>((resolve, reject) => {
      if (child.exitCode !== null || child.signalCode !== null) {
        reject(new Error(`${name} has ended`))
        return
      }
      waiters.push({ resolve, reject })
      child.send(request)
    })
  return {
    pid: child.pid ?? 0,
    ask: async (request, schema) => schema.parse(await send(request)),
    tell: async (request) => void (await send(request)),
    close: async () => {
      if (child.connected) child.disconnect()
      const timer = setTimeout(() => child.kill('SIGKILL'), graceMs)
      await ended
      clearTimeout(timer)
    },
  }
}

import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { createInterface } from 'node:readline'
import { onTestFinished } from 'vitest'

export type RunningProgram = {
  pid: number
  /** the first line, of those already printed and those to come, that matches; rejects when the program ends without one */
  line: (pattern: RegExp) => Promise<string>
  /** everything it printed so far, on stdout and stderr */
  output: () => string
  /** its exit code, or the signal that ended it */
  exited: Promise<number | NodeJS.Signals>
  kill: (signal: NodeJS.Signals) => void
}

/** Starts a program for one test, which ends it with SIGKILL where it still runs. */
export const runForTest = (
  command: string,
  args: readonly string[],
  {
    env = {},
    cwd,
    detached = false,
  }: {
    env?: NodeJS.ProcessEnv
    cwd?: string
    /** in a process group of its own, which `kill(-pid)` reaches as a whole */
    detached?: boolean
  } = {},
): RunningProgram => {
  const child = spawn(command, args, {
    cwd,
    detached,
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const lines: string[] = []
  const waiting = new Set<() => void>()
  const wake = () => {
    for (const look of waiting) look()
  }
  for (const stream of [child.stdout, child.stderr]) {
    createInterface({ input: stream }).on('line', (line) => {
      lines.push(line)
      wake()
    })
  }

  let isOver = false
  const exited = whenClosed(child).then((how) => {
    isOver = true
    wake()
    return how
  })
  onTestFinished(async () => {
    child.kill('SIGKILL')
    await exited
  })

  const line = (pattern: RegExp) =>
    new Promise<string>((resolve, reject) => {
      const look = () => {
        const found = lines.find((text) => pattern.test(text))
        if (found !== undefined) resolve(found)
        else if (isOver) reject(new Error(`no line matches ${pattern} in:\n${lines.join('\n')}`))
        else return
        waiting.delete(look)
      }
      waiting.add(look)
      look()
    })

  return {
    pid: child.pid ?? 0,
    line,
    output: () => lines.join('\n'),
    exited,
    kill: (signal) => void child.kill(signal),
  }
}

/** 'close': after the last line of output. */
const whenClosed = (child: ChildProcess): Promise<number | NodeJS.Signals> =>
  new Promise((resolve, reject) => {
    child.once('error', reject)
    child.once('close', (code, signal) => resolve(code ?? signal ?? 0))
  })

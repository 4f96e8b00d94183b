import { execFile } from 'node:child_process'
import { accessSync, constants } from 'node:fs'
import { delimiter, join } from 'node:path'
import { promisify } from 'node:util'

const execFileAsync = promisify(execFile)

/** Runs a program to its end and answers its stdout; throws with what it said last. */
export const runProgram = async (
  command: string,
  args: readonly string[],
  { timeoutMs, cwd, env }: { timeoutMs: number; cwd?: string; env?: NodeJS.ProcessEnv },
) => {
  try {
    const { stdout } = await execFileAsync(command, args, { cwd, env, timeout: timeoutMs })
    return stdout
  } catch (err) {
    throw new Error(`${[command, ...args.slice(0, 1)].join(' ')}: ${lastWords(err, timeoutMs)}`, {
      cause: err,
    })
  }
}

/** The absolute path of a program, or undefined when no folder of PATH has it. */
export const findOnPath = (name: string, path: string | undefined): string | undefined =>
  (path ?? '')
    .split(delimiter)
    .filter((folder) => folder !== '')
    .map((folder) => join(folder, name))
    .find(isExecutable)

const isExecutable = (file: string) => {
  try {
    accessSync(file, constants.X_OK)
    return true
  } catch {
    return false
  }
}

const lastWords = (err: unknown, timeoutMs: number) => {
  if (!(err instanceof Error)) return String(err)
  if ('killed' in err && err.killed === true) return `not done after ${timeoutMs / 1000} s`
  const stderr = 'stderr' in err ? String(err.stderr).trim() : ''
  return stderr.split('\n').at(-1) || err.message
}

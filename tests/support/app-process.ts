import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { apps } from '../../scripts/start/apps.ts'

/** A process of an app that was started and need not be ready yet. */
export type LaunchedProcess = {
  pid: number
  signal(name: NodeJS.Signals): void
  /** lets it see that whoever started it is gone */
  abandon(): void
  /** resolves when it is gone */
  ended: Promise<number | null>
  /** what it logged so far */
  log(): string
  /** ends it and waits for it */
  stop(name?: NodeJS.Signals): Promise<void>
  /** resolves to where it listens: the API's URL, or the health port of another; rejects when it ends before */
  ready: Promise<string>
}

export type StackProcess = Omit<LaunchedProcess, 'ready'> & { url: string }

/** Starts an app and resolves when it is ready. */
export const startProcess = async (
  file: string,
  environment: Record<string, string>,
): Promise<StackProcess> => {
  const { ready, ...launched } = launchProcess(file, environment)
  return { ...launched, url: await ready }
}

/** As it is started everywhere else: with the memory that it has there. */
const optionsOf = (file: string): readonly string[] =>
  apps.find(({ entry }) => file.endsWith(entry))?.nodeArgs ?? []

/** Starts an app. It is given nothing of our environment but where programs are. */
export const launchProcess = (
  file: string,
  environment: Record<string, string>,
  { nodeArgs = optionsOf(file) }: { nodeArgs?: readonly string[] } = {},
): LaunchedProcess => {
  const child = spawn(process.execPath, [...nodeArgs, file], {
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    env: { PATH: process.env['PATH'], HOME: process.env['HOME'], ...environment },
  })
  const lines: string[] = []
  child.stdout?.on('data', (data) => lines.push(String(data)))
  child.stderr?.on('data', (data) => lines.push(String(data)))
  const ended = new Promise<number | null>((settle) => child.once('exit', (code) => settle(code)))
  const pid = child.pid ?? 0

  const untilReady = async () => {
    const message = await Promise.race([firstMessage(child), ended.then((code) => ({ code }))])
    if (typeof message !== 'object' || message === null || !('url' in message)) {
      throw new Error(`${file} did not start: ${JSON.stringify(message)}\n${lines.join('')}`)
    }
    return String(message.url)
  }
  return {
    pid,
    signal: (name) => void process.kill(pid, name),
    abandon: () => child.disconnect(),
    ended,
    log: () => lines.join(''),
    stop: async (name = 'SIGTERM') => {
      if (child.exitCode === null && child.signalCode === null) {
        // a frozen process does not notice that it should end
        child.kill('SIGCONT')
        child.kill(name)
      }
      await ended
    },
    ready: untilReady(),
  }
}

const firstMessage = async (child: ChildProcess): Promise<unknown> => {
  const [message]: unknown[] = await once(child, 'message')
  return message
}

import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { nextRestart } from './next-restart.ts'

export type ChildSpec = {
  /** for people: `API` */
  name: string
  /** a TypeScript file */
  entry: string
  /** options of Node */
  nodeArgs: readonly string[]
  env: NodeJS.ProcessEnv
}

export type Say = (subject: string, sentence: string) => void

type Options = {
  say: Say
  /** how long it may take to end after SIGTERM */
  graceMs: number
  /** called with the sentence of a child that can't start */
  onFatal: (message: string) => void
}

/**
 * One child process, kept running:
 *
 *            ready                exit
 *   starting ─────▶ up ───────────────────▶ waiting ──delay over──▶ starting
 *      │                                      ▲
 *      ├── exit ──────────────────────────────┘
 *      └── fatal: it can't start ever ──▶ failed
 *
 *   stop(): any ──SIGTERM──▶ stopping ──exit, or grace over and SIGKILL──▶ stopped
 *
 * The child has an IPC channel and sends { type: 'ready', url } and { type: 'fatal', message } on it. Its end tells the
 * child that this process is gone. It is in a session of its own, so that a Ctrl-C reaches it only through stop(),
 * in its turn.
 */
export class SupervisedChild {
  readonly #spec: ChildSpec
  readonly #options: Options
  #process: ChildProcess | undefined
  #restart: NodeJS.Timeout | undefined
  #failures = 0
  #isReady = false
  #isKept = true
  #ended: Promise<void> = Promise.resolve()

  constructor(spec: ChildSpec, options: Options) {
    this.#spec = spec
    this.#options = options
  }

  start() {
    const startedAt = performance.now()
    const child = spawn(process.execPath, [...this.#spec.nodeArgs, this.#spec.entry], {
      env: this.#spec.env,
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
      detached: true,
    })
    this.#process = child
    this.#ended = new Promise((resolve) => {
      const onEnd = (how: string) => {
        resolve()
        this.#process = undefined
        this.#afterEnd({ how, uptimeMs: performance.now() - startedAt })
      }
      child.once('error', (err) => onEnd(`could not be started (${err.message})`))
      child.once('exit', (code, signal) =>
        onEnd(signal === null ? `ended with exit code ${code}` : `was ended by ${signal}`),
      )
    })
    child.on('message', (message: unknown) => this.#read(message))
  }

  /** From now on it is not started again. */
  release() {
    this.#isKept = false
    clearTimeout(this.#restart)
  }

  async stop() {
    this.release()
    if (this.#process === undefined) return
    this.#process.kill('SIGTERM')
    const grace = setTimeout(() => {
      this.#say(`still runs ${this.#options.graceMs / 1000} s after it was told to end; ending it`)
      this.kill()
    }, this.#options.graceMs)
    await this.#ended
    clearTimeout(grace)
    this.#say('stopped')
  }

  /** Ends it at once, with the processes it has started. */
  kill() {
    this.release()
    const pid = this.#process?.pid
    if (pid === undefined) return
    try {
      process.kill(-pid, 'SIGKILL')
    } catch {
      // it ended in this moment
    }
  }

  #read(message: unknown) {
    if (typeof message !== 'object' || message === null || !('type' in message)) return
    if (message.type === 'ready') {
      this.#isReady = true
      this.#say('url' in message ? `ready on ${String(message.url)}` : 'ready')
    }
    if (message.type === 'fatal') {
      const sentence = 'message' in message ? String(message.message) : `${this.#spec.name} can't start`
      // one that was ready once was started with the same settings: what it met now may pass
      if (this.#isReady) return this.#say(sentence)
      this.release()
      this.#options.onFatal(sentence)
    }
  }

  #afterEnd({ how, uptimeMs }: { how: string; uptimeMs: number }) {
    if (!this.#isKept) return
    const { failures, delayMs } = nextRestart({ failures: this.#failures, uptimeMs })
    this.#failures = failures
    this.#say(`${how}; starting it again in ${delayMs / 1000} s`)
    this.#restart = setTimeout(() => this.start(), delayMs)
  }

  #say(sentence: string) {
    this.#options.say(this.#spec.name, sentence)
  }
}

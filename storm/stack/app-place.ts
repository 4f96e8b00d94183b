import { setTimeout as sleep } from 'node:timers/promises'
import { launchProcess } from '../../tests/support/app-process.ts'
import type { LaunchedProcess } from '../../tests/support/app-process.ts'

type Options = {
  /** for people: `worker 2` */
  name: string
  file: string
  nodeArgs: readonly string[]
  environment: Record<string, string>
}

/** A process that ended though nobody had ended it, and the last that it said. */
export type Defect = { name: string; what: string; log: string }

/** How long an app may take to end when it is told to: the longest grace of one, and a bit. */
const graceMs = 40_000
const restartMs = 300
const logTailLength = 4000

/**
 * The place of one process of an app: there is always one in it, but for the time that a kill leaves it empty. Notes every
 * process that ended by itself, which none may.
 *
 *   empty ──▶ starting ──▶ running ◀──▶ frozen
 *     ▲          │            │            │
 *     └──────────┴── kill ────┴────────────┘
 */
export class AppPlace {
  readonly name: string
  readonly defects: Defect[] = []
  readonly #options: Options
  #current: LaunchedProcess | undefined
  #isReady = false
  #isFrozen = false
  #isClosing = false
  /** of a process that is being killed: its end is no defect */
  readonly #killed = new WeakSet<LaunchedProcess>()

  /** Starts at once. */
  constructor(options: Options) {
    this.name = options.name
    this.#options = options
    this.#start()
  }

  /** Undefined while the place is empty. */
  get pid() {
    return this.#current?.pid
  }

  /** Whether there is a process that can be hit: one that is frozen is not, until it is woken. */
  get isUp() {
    return this.#current !== undefined && !this.#isFrozen
  }

  get isReady() {
    return this.#isReady && this.isUp
  }

  /** Kills it, and has another one start in its place after `downMs`. Resolves when it is dead. */
  async kill(downMs: number) {
    const victim = this.#current
    if (!victim) return
    this.#killed.add(victim)
    this.#current = undefined
    await victim.stop('SIGKILL')
    void sleep(downMs).then(() => this.#start())
  }

  /** Freezes it, and wakes it up later. Resolves when it is awake. */
  async freeze(holdMs: number) {
    const sleeper = this.#current
    if (!sleeper) return
    this.#isFrozen = true
    signalIfThere(sleeper, 'SIGSTOP')
    await sleep(holdMs)
    this.#isFrozen = false
    signalIfThere(sleeper, 'SIGCONT')
  }

  /** Ends it in order; notes it when that takes too long, or ends badly. May be called twice. */
  async close() {
    this.#isClosing = true
    const last = this.#current
    this.#current = undefined
    if (!last) return
    this.#killed.add(last)
    const patience = new AbortController()
    const code = await Promise.race([
      last.stop('SIGTERM').then(() => last.ended),
      sleep(graceMs, 'late' as const, { signal: patience.signal }).catch(() => 'late' as const),
    ])
    patience.abort()
    if (code === 'late') await last.stop('SIGKILL')
    if (code !== 0) this.#note(`ended with ${code} when it was told to end`, last)
  }

  /** Ends it at once. May be called twice, and after `close`. */
  async destroy() {
    this.#isClosing = true
    await this.kill(0)
  }

  #start() {
    if (this.#isClosing) return
    const { file, nodeArgs, environment } = this.#options
    const launched = launchProcess(file, environment, { nodeArgs })
    this.#current = launched
    this.#isReady = false
    let refusal: string | undefined
    const readiness = launched.ready.then(
      () => {
        if (this.#current === launched) this.#isReady = true
      },
      (err: unknown) => (refusal = String(err)),
    )
    void launched.ended.then(async (code) => {
      if (this.#killed.has(launched)) return
      await readiness
      this.#note(`ended by itself, with ${code}${refusal === undefined ? '' : `: ${refusal}`}`, launched)
      this.#current = undefined
      await sleep(restartMs)
      this.#start()
    })
  }

  #note(what: string, launched: LaunchedProcess) {
    this.defects.push({ name: this.name, what, log: launched.log().slice(-logTailLength) })
  }
}

const signalIfThere = (launched: LaunchedProcess, name: NodeJS.Signals) => {
  try {
    launched.signal(name)
  } catch {
    // it ended in this moment
  }
}

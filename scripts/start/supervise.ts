import { SupervisedChild } from './supervised-child.ts'
import type { ChildSpec, Say } from './supervised-child.ts'

export type Supervisor = {
  /** Resolves with the sentence of the first child that can't start at all, such as for a setting that is wrong. */
  fatal: Promise<string>
  /** Stops the children one after the other, in the order they were given. May be called twice. */
  close: () => Promise<void>
  /** Ends them all at once; a `close` under way then resolves. */
  kill: () => void
}

/** Starts the children and keeps them running. */
export const startSupervisor = ({
  children: specs,
  say,
  graceMs = 30_000,
}: {
  children: readonly ChildSpec[]
  say: Say
  graceMs?: number
}): Supervisor => {
  const { promise: fatal, resolve: onFatal } = Promise.withResolvers<string>()
  const children = specs.map((spec) => new SupervisedChild(spec, { say, graceMs, onFatal }))
  for (const child of children) child.start()

  const closeOnce = async () => {
    for (const child of children) child.release()
    for (const child of children) await child.stop()
  }
  let closed: Promise<void> | undefined
  return {
    fatal,
    close: () => (closed ??= closeOnce()),
    kill: () => {
      for (const child of children) child.kill()
    },
  }
}

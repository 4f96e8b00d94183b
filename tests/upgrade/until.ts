import { setTimeout as pause } from 'node:timers/promises'

/** Polls until it holds. Works without vitest, as the script that makes a fixture runs without it. */
export const until = async (
  what: string,
  holds: () => Promise<boolean>,
  { withinMs = 60_000 }: { withinMs?: number } = {},
) => {
  const endsAt = performance.now() + withinMs
  while (!(await holds())) {
    if (performance.now() > endsAt) throw new Error(`waited ${withinMs} ms in vain until ${what}`)
    await pause(20)
  }
}

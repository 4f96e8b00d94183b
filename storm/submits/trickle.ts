import { setTimeout as sleep } from 'node:timers/promises'
import { runTurn } from './run-clients.ts'
import type { ClientOptions } from './run-clients.ts'
import type { SubmitKind } from './submit-kind.ts'

/**
 * Has predictions made at a steady pace, each of the next kind, until it is told to stop. Resolves when the last client has what it
 * wanted, or gave up, to how many there were.
 */
export const trickle = async (
  kinds: readonly SubmitKind[],
  { everyMs, until, ...options }: ClientOptions & { everyMs: number; until: AbortSignal },
): Promise<number> => {
  const clients: Promise<unknown>[] = []
  while (!until.aborted) {
    const kind = kinds[clients.length % kinds.length]
    if (kind) clients.push(runTurn(kind, clients.length, options))
    await sleep(everyMs, undefined, { signal: until }).catch(() => undefined)
  }
  await Promise.all(clients)
  return clients.length
}

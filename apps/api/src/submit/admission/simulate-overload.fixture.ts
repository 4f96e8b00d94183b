import { SentAway } from './sent-away.ts'

type Overload = {
  clients: number
  rowsPerSecond: number
  /** rows that may wait */
  backlogLimit: number
  /** mean time from an answer to the next prediction of a client; null where each has one, all at the same moment */
  thinkMs: number | null
  lastsMs: number
  processes?: number
  /** in place of the policy: seconds */
  sendAway?: () => number
}

type Arrival = { at: number; comeBacks: number }

/**
 * Clients who obey, against one model that takes one row after the other: each submits, and comes back as often as he is
 * sent away, when he was told. Each request goes to any of the processes.
 */
export const simulateOverload = ({
  clients,
  rowsPerSecond,
  backlogLimit,
  thinkMs,
  lastsMs,
  processes = 1,
  sendAway,
}: Overload) => {
  const random = createRandom()
  let now = 0
  const all = Array.from({ length: processes }, () => new SentAway({ clock: () => now, random }))
  const arrivals = Array.from({ length: clients }, (): Arrival => ({
    at: random() * (thinkMs ?? 0),
    comeBacks: 0,
  }))
  const comeBacks: number[] = []
  const rowMs = 1000 / rowsPerSecond
  let isBusyUntil = 0
  let idleMs = 0

  const answer = (arrival: Arrival): Arrival | undefined => {
    const process = all[Math.floor(random() * processes)]
    process?.asked(1)
    const excess = Math.ceil(Math.max(0, isBusyUntil - now) / rowMs) + 1 - backlogLimit
    if (excess > 0) {
      const turn = { amount: 1, excess, perSecond: rowsPerSecond, processes }
      const seconds = sendAway?.() ?? process?.sendAway(turn) ?? 0
      return { at: now + seconds * 1000 + random() * 20, comeBacks: arrival.comeBacks + 1 }
    }
    idleMs += Math.max(0, now - isBusyUntil)
    isBusyUntil = Math.max(now, isBusyUntil) + rowMs
    comeBacks.push(arrival.comeBacks)
    return thinkMs === null ? undefined : { at: now + thinkMs * (0.5 + random()), comeBacks: 0 }
  }

  for (;;) {
    const arrival = takeFirst(arrivals)
    if (!arrival || arrival.at > lastsMs) break
    now = arrival.at
    const next = answer(arrival)
    if (next) arrivals.push(next)
  }
  const sum = comeBacks.reduce((total, count) => total + count, 0)
  return {
    served: comeBacks.length,
    comeBacks: {
      mean: sum / comeBacks.length,
      max: Math.max(...comeBacks),
      overTwo: comeBacks.filter((count) => count > 2).length / comeBacks.length,
    },
    busyShare: 1 - idleMs / now,
  }
}

const takeFirst = (arrivals: Arrival[]) => {
  let first = 0
  for (const [index, { at }] of arrivals.entries()) if (at < (arrivals[first]?.at ?? 0)) first = index
  return arrivals.splice(first, 1)[0]
}

/** The same numbers in every run (a linear congruential generator, with the constants of Numerical Recipes). */
const createRandom = (seed = 1) => {
  let state = seed
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return state / 2 ** 32
  }
}

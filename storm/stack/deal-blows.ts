import { setTimeout as sleep } from 'node:timers/promises'
import type { AppFolder } from '../../scripts/start/apps.ts'
import type { Pace } from '../plan/pace.ts'
import type { Blow } from '../plan/plan-blows.ts'
import type { AppPlace } from './app-place.ts'
import { executorsBelow } from './storm-stack.ts'
import type { StormStack } from './storm-stack.ts'

/** A blow that was dealt; `at` in ms since the epoch, `to` is whom it hit. */
export type Dealt = Pick<Blow, 'kind' | 'victim'> & { at: number; to: string }

/** Looks for somebody to hit so often: all may be dead for a moment. */
const lookMs = 20

/** Deals the blows one after the other. Resolves when all processes are there again, and awake. */
export const dealBlows = async (
  stack: StormStack,
  {
    blows,
    pace,
    onDealt,
  }: {
    blows: readonly Blow[]
    pace: Pace
    /** told how many have been dealt */ onDealt: (count: number) => void
  },
): Promise<Dealt[]> => {
  const dealt: Dealt[] = []
  const freezing: Promise<void>[] = []
  for (const [index, blow] of blows.entries()) {
    await pace.untilBlow(index)
    await sleep(blow.pauseMs)
    const note = (to: string) => dealt.push({ kind: blow.kind, victim: blow.victim, at: Date.now(), to })
    if (blow.victim === 'redis') {
      note('Redis')
      await stack.redis[blow.kind](blow.downMs)
    } else if (blow.victim === 'executor') {
      const pid = await untilExecutor(stack, blow.pick)
      note(`executor ${pid}`)
      kill(pid)
    } else {
      const place = await untilUp(stack.places[blow.victim], blow.pick)
      note(place.name)
      if (blow.kind === 'kill') await place.kill(blow.downMs)
      else freezing.push(place.freeze(blow.downMs))
    }
    onDealt(index + 1)
  }
  await Promise.all(freezing)
  const all = Object.values(stack.places satisfies Record<AppFolder, unknown>).flat()
  while (!all.every(({ isReady }) => isReady)) await sleep(lookMs)
  return dealt
}

const untilExecutor = async ({ places }: StormStack, pick: number) => {
  for (;;) {
    const executors = places.worker.flatMap(({ pid, isUp }) =>
      pid !== undefined && isUp ? executorsBelow(pid) : [],
    )
    const pid = executors[Math.floor(pick * executors.length)]
    if (pid !== undefined) return pid
    await sleep(lookMs)
  }
}

const untilUp = async (places: readonly AppPlace[], pick: number) => {
  for (;;) {
    const up = places.filter(({ isUp }) => isUp)
    const place = up[Math.floor(pick * up.length)]
    if (place) return place
    await sleep(lookMs)
  }
}

const kill = (pid: number) => {
  try {
    process.kill(pid, 'SIGKILL')
  } catch {
    // it ended in this moment
  }
}

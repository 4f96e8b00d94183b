import { setTimeout as sleep } from 'node:timers/promises'
import type { AppFolder } from '../../scripts/start/apps.ts'
import type { Blow } from '../plan/plan-blows.ts'
import type { StormStack } from './storm-stack.ts'
import { targetsOf } from './targets.ts'
import type { Target } from './targets.ts'

/** A blow that was dealt; `at` in ms since the epoch, `to` is whom it hit. */
export type Dealt = Pick<Blow, 'kind' | 'victim'> & { at: number; to: string }

/** Looks for somebody to hit so often: all may be dead for a moment, or at rest. */
const lookMs = 5

/** When blows may be dealt, by their numbers from 0 on. */
type Turns = {
  untilBlow: (index: number) => Promise<void>
  /** what it was to hit is over: looked at while there is nobody to hit */
  isOver?: () => boolean
}

/** Deals the blows one after the other. Resolves when all processes are there again, and awake. */
export const dealBlows = async (
  stack: StormStack,
  {
    blows,
    pace,
    onDealt,
  }: {
    blows: readonly Blow[]
    pace: Turns
    onDealt: (blow: Dealt, count: number) => void
  },
): Promise<Dealt[]> => {
  const dealt: Dealt[] = []
  const freezing: Promise<void>[] = []
  for (const [index, { kind, victim, pick, pauseMs, downMs }] of blows.entries()) {
    await pace.untilBlow(index)
    await sleep(pauseMs)
    const target = await untilThere(stack, { victim, pick, isOver: pace.isOver })
    if (!target) continue
    const blow = { kind, victim, at: Date.now(), to: target.name }
    dealt.push(blow)
    const hit = target[kind](downMs)
    if (kind === 'kill' || victim === 'redis') await hit
    else freezing.push(hit)
    onDealt(blow, dealt.length)
  }
  await Promise.all(freezing)
  const all = Object.values(stack.places satisfies Record<AppFolder, unknown>).flat()
  while (!all.every(({ isReady }) => isReady)) await sleep(lookMs)
  return dealt
}

/** Undefined where nobody will be there any more. */
const untilThere = async (
  stack: StormStack,
  {
    victim,
    pick,
    isOver = () => false,
  }: Pick<Blow, 'victim' | 'pick'> & { isOver?: (() => boolean) | undefined },
): Promise<Target | undefined> => {
  for (;;) {
    const targets = targetsOf(stack, victim)
    const target = targets[Math.floor(pick * targets.length)]
    if (target || isOver()) return target
    await sleep(lookMs)
  }
}

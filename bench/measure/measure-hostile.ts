import { setTimeout as sleep } from 'node:timers/promises'
import { addFailures } from '../figures/failures.ts'
import type { Failures } from '../figures/failures.ts'
import { demoModelDir } from '../models/model-dirs.ts'
import type { UsageByProcess } from '../processes/process-watch.ts'
import { watchProcesses } from '../processes/process-watch.ts'
import { startOnQueue } from '../stack/start-onqueue.ts'
import { hostileShapes } from './hostile-shapes.ts'
import type { HostileShape } from './hostile-shapes.ts'
import type { Plan } from './plan.ts'

/** What a hostile body does to everybody else. */
export type HostileEffect = {
  name: string
  /** until it was answered */
  answeredMs: number
  /** the longest that the event loop of the API was held up meanwhile */
  longestHoldMs: number
  /** the slowest `GET /livez` meanwhile */
  slowestLivezMs: number
}

export type Hostile = Failures & {
  /** nothing but `/livez` */
  idle: HostileEffect
  shapes: HostileEffect[]
  /** all of them at once, five times */
  together: HostileEffect
  usage: UsageByProcess
}

const livezEveryMs = 10
const idleMs = 2000

export const measureHostile = async ({ rounds }: Plan): Promise<Hostile> => {
  const onqueue = await startOnQueue({ modelDir: demoModelDir })
  const wrong: Failures[] = []
  const send = async ({ name, body, status }: HostileShape, alsoFine: number[] = []) => {
    const response = await fetch(`${onqueue.url}/v1/models/demo-classifier/predictions`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body,
    }).catch(() => null)
    await response?.arrayBuffer()
    const isFine = response === null || [status, ...alsoFine].includes(response.status)
    wrong.push({ failures: isFine ? 0 : 1, examples: isFine ? [] : [`${name}: ${response.status}`] })
  }
  const measure = (name: string, act: () => Promise<unknown>) => measureEffect(onqueue.url, name, act)
  try {
    const shapes = hostileShapes()
    for (const shape of shapes) await send(shape)
    const watch = watchProcesses(onqueue.processes)
    const idle = await measure('nothing else', () => sleep(idleMs))
    const effects: HostileEffect[] = []
    for (const shape of shapes) {
      const samples: HostileEffect[] = []
      for (let round = 0; round < rounds; round++) samples.push(await measure(shape.name, () => send(shape)))
      effects.push(worstOf(samples))
    }
    const together = await measure('all at once, 5 of each', () =>
      Promise.all(Array.from({ length: 5 }, () => shapes.map((shape) => send(shape, [429, 503]))).flat()),
    )
    return { idle, shapes: effects, together, usage: watch.stop(), ...addFailures(wrong) }
  } finally {
    await onqueue.close()
  }
}

const measureEffect = async (
  url: string,
  name: string,
  act: () => Promise<unknown>,
): Promise<HostileEffect> => {
  // being asked for it, the API begins anew
  await readLongestHold(url)
  const probes = probeLivez(url)
  const startedAt = performance.now()
  await act()
  const answeredMs = performance.now() - startedAt
  const slowestLivezMs = await probes.stop()
  return { name, answeredMs, longestHoldMs: await readLongestHold(url), slowestLivezMs }
}

const readLongestHold = async (url: string) => {
  const text = await (await fetch(`${url}/metrics`)).text()
  return 1000 * Number(/^nodejs_eventloop_lag_max_seconds (\S+)/m.exec(text)?.[1])
}

const probeLivez = (url: string) => {
  let isWanted = true
  let slowestMs = 0
  const probing = (async () => {
    while (isWanted) {
      const startedAt = performance.now()
      await (await fetch(`${url}/livez`)).arrayBuffer()
      slowestMs = Math.max(slowestMs, performance.now() - startedAt)
      await sleep(livezEveryMs)
    }
  })()
  return {
    stop: async () => {
      isWanted = false
      await probing
      return slowestMs
    },
  }
}

const worstOf = (samples: readonly HostileEffect[]): HostileEffect => ({
  name: samples[0]?.name ?? '',
  answeredMs: Math.max(...samples.map(({ answeredMs }) => answeredMs)),
  longestHoldMs: Math.max(...samples.map(({ longestHoldMs }) => longestHoldMs)),
  slowestLivezMs: Math.max(...samples.map(({ slowestLivezMs }) => slowestLivezMs)),
})

import { seededRandom } from '../tests/support/random.ts'
import { readCounters, takeCensus } from './aftermath/census.ts'
import { listAll, readAll } from './aftermath/read-all.ts'
import { untilQuiet } from './aftermath/until-quiet.ts'
import type { BrokenBuild } from './broken/broken-builds.ts'
import { makeBrokenCheckout } from './broken/make-broken-checkout.ts'
import type { Evidence, Violation } from './judge/evidence.ts'
import { judge } from './judge/judge.ts'
import { toldIds } from './ledger/entry.ts'
import { Ledger } from './ledger/ledger.ts'
import { Pace } from './plan/pace.ts'
import { planBlows } from './plan/plan-blows.ts'
import { models } from './questions/models.ts'
import { startReceiver } from './receiver/receiver.ts'
import type { Receiver } from './receiver/receiver.ts'
import { createStopwatch } from './report/stopwatch.ts'
import { dealBlows } from './stack/deal-blows.ts'
import type { Dealt } from './stack/deal-blows.ts'
import { openStormStack } from './stack/storm-stack.ts'
import type { StormStack } from './stack/storm-stack.ts'
import { untilServing } from './stack/until-serving.ts'
import { allKinds } from './submits/all-kinds.ts'
import { drawKinds } from './submits/draw-kinds.ts'
import { runClients } from './submits/run-clients.ts'

export type StormResult = {
  evidence: Evidence
  violations: Violation[]
  dealt: Dealt[]
  /** how long each part took */
  seconds: Record<string, number>
}

type Options = {
  seed: number
  predictions: number
  /** runs this one in place of the apps as they are */
  brokenBuild?: BrokenBuild | undefined
  /** gives the workers clocks that are wrong */
  isSkewed: boolean
  /** told of each part as it begins */
  onPart: (sentence: string) => void
}

const blowsBetweenNews = 30
const modelList = Object.values(models)
const modelNames = modelList.map(({ name }) => name)

/** Sends predictions through a storm of kills, and judges what came of them. */
export const runStorm = async ({
  seed,
  predictions,
  brokenBuild,
  isSkewed,
  onPart,
}: Options): Promise<StormResult> => {
  await using opened = new AsyncDisposableStack()
  const broken = brokenBuild && (await makeBrokenCheckout(brokenBuild))
  if (broken) opened.defer(broken.close)
  const stack = await openStormStack({ models: modelList, checkout: broken?.checkout, isSkewed })
  opened.defer(stack.close)
  let secret = ''
  const receiver = await startReceiver({ random: seededRandom(seed), readSecret: () => secret })
  opened.defer(receiver.close)
  const { seconds, timed } = createStopwatch(onPart)

  secret = await timed('starting', () => untilServing(stack, modelList.length))
  const ledger = new Ledger()
  const dealt = await timed('storm', () => rage({ seed, predictions, stack, receiver, ledger, onPart }))
  const place = { redis: stack.client, namespace: stack.prefix, models: modelNames }
  await timed('calm', () => untilQuiet(() => readCounters(place)))
  const census = await timed('census', () => takeCensus(place))
  const found = await timed('reading', async () => {
    const told = ledger.entries.flatMap(toldIds)
    const listed = await listAll(stack.urls[0] ?? '')
    return readAll(stack.urls, [...new Set([...told, ...listed, ...census.jobs])])
  })
  const leftovers = await timed('ending', () => stack.end())
  const evidence = {
    entries: ledger.entries,
    found,
    arrivals: [...receiver.arrivals.values()],
    census,
    defects: Object.values(stack.places).flatMap((places) => places.flatMap((place) => place.defects)),
    leftovers,
  }
  return { evidence, violations: judge(evidence), dealt, seconds }
}

/** The predictions and the blows side by side. */
const rage = async ({
  seed,
  predictions,
  stack,
  receiver,
  ledger,
  onPart,
}: {
  seed: number
  predictions: number
  stack: StormStack
  receiver: Receiver
  ledger: Ledger
  onPart: Options['onPart']
}) => {
  const blows = planBlows({ seed, predictions })
  const pace = new Pace({ predictions, blows: blows.length })
  const [dealt] = await Promise.all([
    dealBlows(stack, {
      blows,
      pace,
      onDealt: (_, count) => {
        if (count % blowsBetweenNews === 0) onPart(`${count} of ${blows.length} kills and freezes`)
      },
    }),
    runClients(drawKinds(allKinds, { seed, predictions }), {
      pace,
      seed,
      ledger,
      urls: stack.urls,
      receiverUrls: receiver.urls,
    }),
  ])
  return dealt
}

import { setTimeout as sleep } from 'node:timers/promises'
import { deliveryKeys } from '@onqueue/shared'
import { toHold } from '../processes/held.ts'
import type { Held } from '../processes/held.ts'
import { readDemoAnswers } from '../models/known-answers.ts'
import { demoModelDir } from '../ceiling/onnx-ceiling.ts'
import type { Plan } from './plan.ts'
import { startReceiver } from '../receiver/receiver.ts'
import type { Arrivals, Receiver } from '../receiver/receiver.ts'
import { toSpeed } from '../figures/speed.ts'
import type { Sample, Speed } from '../figures/speed.ts'
import { openStack } from '../stack/stack.ts'
import type { Stack, SubmitReport } from '../stack/stack.ts'
import { namespace } from '../stack/start-onqueue.ts'
import { sum, summarizeRounds } from '../figures/statistics.ts'
import type { Rounds } from '../figures/statistics.ts'

/** What a webhook costs the submit that asks for it, and what its delivery costs. */
export type Webhooks = {
  /** finished predictions, nobody asks for a webhook */
  plain: Speed
  /** finished predictions, each with a webhook that nobody delivers meanwhile */
  undelivered: SpeedBesidePlain
  /** finished predictions, each with a webhook that is delivered meanwhile */
  delivered: SpeedBesidePlain & {
    /** from the first submit until the last delivery has arrived */
    deliveriesPerSecond: Rounds
  }
  /** deliveries of predictions that have all ended: the webhooks process alone, from the first arrival to the last */
  backlog: Speed
  deliveries: { arrived: number; repeated: number; checked: number }
  failures: number
  examples: string[]
}

export type SpeedBesidePlain = Speed & { shareOfPlain: Rounds }
type Delivered = { submitted: SubmitReport; arrivals: Arrivals }

/**
 * The machine is not the same from one minute to the next, so a round lies between two measurements without webhooks, and
 * is compared to their mean. The webhooks process is held whenever it must not take part, that of `npm start` itself.
 */
export const measureWebhooks = async ({ rounds, submits: requests }: Plan): Promise<Webhooks> => {
  const answers = await readDemoAnswers()
  const stack = await openStack({ modelDir: demoModelDir, answers })
  const { url: onqueueUrl, processes } = stack.onqueue
  if (processes.webhooks === undefined) throw new Error('npm start runs no webhooks process')
  const webhooks = toHold(processes.webhooks)
  const receiver = await startReceiver({ onqueueUrl, answers })
  try {
    const setting = { stack, webhooks, receiver, requests }
    // V8 takes its time to make the code of a process fast
    await measureDelivered(setting)
    webhooks.hold()
    await measureSubmit(setting)

    const plain = [await measureSubmit(setting)]
    const undelivered: Sample<SubmitReport>[] = []
    const backlog: Sample<Arrivals>[] = []
    const delivered: Sample<Delivered>[] = []
    for (let round = 0; round < rounds; round++) {
      undelivered.push(await measureSubmit(setting, { webhook: receiver.url }))
      backlog.push(await measureBacklog(setting))
      delivered.push(await measureDelivered(setting))
      webhooks.hold()
      plain.push(await measureSubmit(setting))
    }

    const besidePlain = (samples: readonly Sample<unknown>[]): SpeedBesidePlain => ({
      ...toSpeed(samples),
      shareOfPlain: summarizeRounds(
        samples.map(({ perSecond }, round) => {
          const [before, after] = plain.slice(round, round + 2).map((one) => one.perSecond)
          return perSecond / (((before ?? NaN) + (after ?? NaN)) / 2)
        }),
      ),
    })
    const arrivals = [
      ...backlog.map(({ report }) => report),
      ...delivered.map(({ report }) => report.arrivals),
    ]
    const reports = [
      ...[...plain, ...undelivered].map(({ report }) => report),
      ...delivered.map(({ report }) => report.submitted),
      ...arrivals,
    ]
    return {
      plain: toSpeed(plain),
      undelivered: besidePlain(undelivered),
      delivered: {
        ...besidePlain(delivered),
        deliveriesPerSecond: summarizeRounds(
          delivered.map(({ report: { submitted, arrivals } }) =>
            rateOf(arrivals.arrived, arrivals.lastAt - submitted.startedAt),
          ),
        ),
      },
      backlog: toSpeed(backlog),
      deliveries: {
        arrived: sum(arrivals.map(({ arrived }) => arrived)),
        repeated: sum(arrivals.map((one) => one.requests - one.arrived)),
        checked: sum(arrivals.map(({ checked }) => checked)),
      },
      failures: sum(reports.map(({ failures }) => failures)),
      examples: reports.flatMap(({ examples }) => examples).slice(0, 5),
    }
  } finally {
    await webhooks.close()
    await receiver.close()
    await stack.close()
  }
}

type Setting = { stack: Stack; webhooks: Held; receiver: Receiver; requests: number }

/** Submits while the webhooks process is held. */
const measureSubmit = async (
  { stack, requests }: Setting,
  { webhook }: { webhook?: string } = {},
): Promise<Sample<SubmitReport>> => {
  const { result: report, usage } = await stack.watch(() => stack.submitAll({ requests, webhook }))
  return { report, perSecond: report.predictionsPerSecond, finished: requests, usage }
}

/** Delivers what was submitted while the webhooks process was held. */
const measureBacklog = async ({
  stack,
  webhooks,
  receiver,
  requests,
}: Setting): Promise<Sample<Arrivals>> => {
  await receiver.count()
  const { result: report, usage } = await stack.watch(async () => {
    const before = await countDelivered(stack)
    webhooks.release()
    const arrivals = await receiver.untilArrived(requests)
    await untilDelivered(stack, before + requests)
    return arrivals
  }, receiverOf({ receiver }))
  const { arrived, firstAt, lastAt } = report
  return { report, perSecond: rateOf(arrived, lastAt - firstAt), finished: arrived, usage }
}

/** Submits while the webhooks process delivers. */
const measureDelivered = async ({
  stack,
  webhooks,
  receiver,
  requests,
}: Setting): Promise<Sample<Delivered>> => {
  webhooks.release()
  await receiver.count()
  const { result: report, usage } = await stack.watch(async () => {
    const before = await countDelivered(stack)
    const arriving = receiver.untilArrived(requests)
    const [submitted, arrivals] = await Promise.all([
      // the outcomes are looked at later: reading them would take part
      stack.submitAll({ requests, webhook: receiver.url, beforeCheck: () => arriving }),
      arriving,
    ])
    await untilDelivered(stack, before + requests)
    return { submitted, arrivals }
  }, receiverOf({ receiver }))
  return { report, perSecond: report.submitted.predictionsPerSecond, finished: requests, usage }
}

const receiverOf = ({ receiver }: Pick<Setting, 'receiver'>) => ({ receiver: receiver.process.pid })

const rateOf = (count: number, ms: number) => (1000 * count) / ms

const countDelivered = ({ redis }: Stack) => redis.client.zcard(deliveryKeys(namespace).delivered)

/** Until OnQueue too knows that all have arrived: what it does for that is part of a delivery. */
const untilDelivered = async (stack: Stack, total: number) => {
  const until = performance.now() + patienceMs
  while ((await countDelivered(stack)) < total) {
    if (performance.now() > until) throw new Error('deliveries arrived and were not noted as delivered')
    await sleep(pollMs)
  }
}

const pollMs = 20
const patienceMs = 30_000

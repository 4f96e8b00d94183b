import { addFailures } from '../figures/failures.ts'
import type { Failures } from '../figures/failures.ts'
import { toShares, toSpeed } from '../figures/speed.ts'
import type { ComparedSample, Sample, Speed } from '../figures/speed.ts'
import { rateOf, sum, summarizeRounds } from '../figures/statistics.ts'
import type { Rounds } from '../figures/statistics.ts'
import { Yardstick } from '../figures/yardstick.ts'
import { demoModelDir } from '../models/model-dirs.ts'
import { readDemoAnswers } from '../models/read-answers.ts'
import { toHold } from '../processes/held.ts'
import { startReceiver } from '../receiver/receiver.ts'
import type { Arrivals } from '../receiver/receiver.ts'
import { openStack } from '../stack/stack.ts'
import type { SubmitReport } from '../stack/stack.ts'
import { measureBacklog, measureDelivered } from './measure-deliveries.ts'
import type { Delivered } from './measure-deliveries.ts'
import { measureSubmit } from './measure-submit.ts'
import type { Plan } from './plan.ts'

/** What a webhook costs the submit that asks for it, and what its delivery costs. */
export type Webhooks = Failures & {
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
}

export type SpeedBesidePlain = Speed & { shareOfPlain: Rounds }

/** Of all rounds. */
type Samples = {
  plain: Sample<SubmitReport>[]
  undelivered: ComparedSample<SubmitReport>[]
  backlog: Sample<Arrivals>[]
  delivered: ComparedSample<Delivered>[]
}

/**
 * A round lies between two measurements without webhooks. The webhooks process is held whenever it must not take part,
 * that of `npm start` itself.
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
    await measureSubmit(stack, { requests })

    const samples: Samples = { plain: [], undelivered: [], backlog: [], delivered: [] }
    const yardstick = await Yardstick.start(async () => {
      const plain = await measureSubmit(stack, { requests })
      samples.plain.push(plain)
      return plain.perSecond
    })
    for (let round = 0; round < rounds; round++) {
      const { result, mean } = await yardstick.beside(async () => {
        const undelivered = await measureSubmit(stack, { requests, webhook: receiver.url })
        const backlog = await measureBacklog(setting)
        const delivered = await measureDelivered(setting)
        webhooks.hold()
        return { undelivered, backlog, delivered }
      })
      samples.undelivered.push({ ...result.undelivered, mean })
      samples.backlog.push(result.backlog)
      samples.delivered.push({ ...result.delivered, mean })
    }
    return summarize(samples)
  } finally {
    await webhooks.close()
    await receiver.close()
    await stack.close()
  }
}

const summarize = ({ plain, undelivered, backlog, delivered }: Samples): Webhooks => {
  const deliveries = delivered.map(({ report }) => report)
  const submits = [...plain, ...undelivered].map(({ report }) => report)
  const arrivals = [...backlog.map(({ report }) => report), ...deliveries.map((one) => one.arrivals)]
  return {
    plain: toSpeed(plain),
    undelivered: besidePlain(undelivered),
    delivered: {
      ...besidePlain(delivered),
      deliveriesPerSecond: summarizeRounds(
        deliveries.map(({ submitted, arrivals: { arrived, lastAt } }) =>
          rateOf(arrived, lastAt - submitted.startedAt),
        ),
      ),
    },
    backlog: toSpeed(backlog),
    deliveries: {
      arrived: sum(arrivals.map(({ arrived }) => arrived)),
      repeated: sum(arrivals.map(({ requests, arrived }) => requests - arrived)),
      checked: sum(arrivals.map(({ checked }) => checked)),
    },
    ...addFailures([...submits, ...deliveries.map(({ submitted }) => submitted), ...arrivals]),
  }
}

const besidePlain = (samples: readonly ComparedSample<unknown>[]): SpeedBesidePlain => ({
  ...toSpeed(samples),
  shareOfPlain: toShares(samples),
})

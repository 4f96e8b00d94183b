import type { Sample } from '../figures/speed.ts'
import { rateOf } from '../figures/statistics.ts'
import type { Held } from '../processes/held.ts'
import type { Arrivals, Receiver } from '../receiver/receiver.ts'
import { countDelivered, untilDelivered } from '../stack/noted-deliveries.ts'
import type { Stack, SubmitReport } from '../stack/stack.ts'

export type DeliverySetting = {
  stack: Stack
  /** the webhooks process of `npm start` */
  webhooks: Held
  receiver: Receiver
  requests: number
}

export type Delivered = { submitted: SubmitReport; arrivals: Arrivals }

/** Delivers what was submitted while the webhooks process was held. */
export const measureBacklog = async (setting: DeliverySetting): Promise<Sample<Arrivals>> => {
  const { webhooks, receiver, requests } = setting
  await receiver.count()
  const { result: report, usage } = await watchDeliveries(setting, () => {
    webhooks.release()
    return receiver.untilArrived(requests)
  })
  const { arrived, firstAt, lastAt } = report
  return { report, perSecond: rateOf(arrived, lastAt - firstAt), finished: arrived, usage }
}

/** Submits while the webhooks process delivers. */
export const measureDelivered = async (setting: DeliverySetting): Promise<Sample<Delivered>> => {
  const { stack, webhooks, receiver, requests } = setting
  webhooks.release()
  await receiver.count()
  const { result: report, usage } = await watchDeliveries(setting, async () => {
    const arriving = receiver.untilArrived(requests)
    const [submitted, arrivals] = await Promise.all([
      // the outcomes are looked at later: reading them would take part
      stack.submitAll({ requests, webhook: receiver.url, beforeCheck: () => arriving }),
      arriving,
    ])
    return { submitted, arrivals }
  })
  return { report, perSecond: report.submitted.predictionsPerSecond, finished: requests, usage }
}

/** Until OnQueue has noted all as delivered, so that its CPU times have all of a delivery in them. */
const watchDeliveries = <Result>(
  { stack, receiver, requests }: DeliverySetting,
  body: () => Promise<Result>,
) =>
  stack.watch(
    async () => {
      const before = await countDelivered(stack.redis)
      const result = await body()
      await untilDelivered(stack.redis, before + requests)
      return result
    },
    { receiver: receiver.pid },
  )

import { AppError, callerKindOf, checkWebhookUrl } from '@onqueue/shared'
import type { DeliveryStore, ReceiverPolicies } from '@onqueue/shared'

/**
 * The address of a receiver in its normal spelling, checked as far as it can be done without dialling. Throws
 * `invalid_input` at `pointer` when nothing may be sent there, and `deliveries_full` when too much of the owner's was not
 * delivered.
 */
export type CheckReceiver = (url: string, owner: string, pointer: string) => Promise<string>

export const createReceiverCheck =
  ({
    receivers,
    deliveries,
    maxFrozenBytes,
  }: {
    receivers: ReceiverPolicies
    deliveries: DeliveryStore
    /** of bodies that may wait for one owner */
    maxFrozenBytes: number
  }): CheckReceiver =>
  async (text, owner, pointer) => {
    const { url, problem } = checkWebhookUrl(text, receivers[callerKindOf(owner)])
    if (problem !== undefined) {
      throw new AppError('invalid_input', `the webhook can't be used: ${problem}`, {
        places: [{ pointer, detail: problem }],
      })
    }
    const frozenBytes = await deliveries.frozenBytes(owner)
    if (frozenBytes <= maxFrozenBytes) return url.href
    throw new AppError(
      'deliveries_full',
      `${frozenBytes} bytes of your webhooks were not delivered, and at most ${maxFrozenBytes} are kept: GET /v1/deliveries ` +
        'says why; mend the receiver, DELETE deliveries that are of no use any more, or submit without a webhook',
      { retryAfterSeconds: 60 },
    )
  }

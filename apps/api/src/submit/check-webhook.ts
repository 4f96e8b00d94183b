import { AppError, checkWebhookUrl } from '@onqueue/shared'
import type { AddressPolicy, DeliveryStore, WebhookRequest } from '@onqueue/shared'
import type { SubmitRequest } from './submit-request.ts'

/** Checks where webhooks are to go, as far as it can be done without dialling. */
export type WebhookCheck = {
  /**
   * The address in its normal spelling. Throws `invalid_input` at `pointer` when nothing may be sent there, and
   * `deliveries_full` when too much of the owner's was not delivered.
   */
  receiver(url: string, owner: string, pointer: string): Promise<string>
  /** What a submit asks to be told; undefined where it asks for nothing. Throws as above, or at an option of no use. */
  request(request: SubmitRequest, owner: string): Promise<WebhookRequest | undefined>
}

export const createWebhookCheck = ({
  addresses,
  allowHttp,
  deliveries,
  bytesLimit,
}: {
  addresses: AddressPolicy
  allowHttp: boolean
  deliveries: DeliveryStore
  /** bytes of bodies that may wait for one owner */
  bytesLimit: number
}): WebhookCheck => {
  const receiver: WebhookCheck['receiver'] = async (text, owner, pointer) => {
    const { url, problem } = checkWebhookUrl(text, { addresses, allowHttp })
    if (problem !== undefined) throw refused(pointer, problem)
    const frozenBytes = await deliveries.frozenBytes(owner)
    if (frozenBytes <= bytesLimit) return url.href
    throw new AppError(
      'deliveries_full',
      `${frozenBytes} bytes of your webhooks were not delivered, and at most ${bytesLimit} are kept: GET /v1/deliveries ` +
        'says why; mend the receiver, DELETE deliveries that are of no use any more, or submit without a webhook',
      { retryAfterSeconds: 60 },
    )
  }

  return {
    receiver,
    request: async ({ webhook, webhook_events_filter: events, webhook_payload: payload }, owner) => {
      if (webhook === undefined || webhook === null) {
        const option = events ? 'webhook_events_filter' : payload ? 'webhook_payload' : undefined
        if (option) throw refused(`/${option}`, 'there is none; add "webhook", or leave this out')
        return undefined
      }
      return {
        url: await receiver(webhook, owner, '/webhook'),
        events: [...new Set(events ?? ['completed' as const])],
        payload: payload ?? 'full',
      }
    },
  }
}

const refused = (pointer: string, detail: string) =>
  new AppError('invalid_input', `the webhook can't be used: ${detail}`, { places: [{ pointer, detail }] })

import { AppError, checkWebhookUrl } from '@onqueue/shared'
import type { AddressPolicy, DeliveryStore, WebhookRequest } from '@onqueue/shared'
import type { SubmitRequest } from './submit-request.ts'

/**
 * What a submit asks to be told, checked as far as it can be without dialling: undefined where it asks for nothing.
 *
 * Throws `invalid_input` at `/webhook`, or at an option that is of no use without one; `deliveries_full` when too much
 * waits to be delivered to this owner.
 */
export type CheckWebhook = (request: SubmitRequest, owner: string) => Promise<WebhookRequest | undefined>

export const createWebhookCheck =
  ({
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
  }): CheckWebhook =>
  async ({ webhook, webhook_events_filter: events, webhook_payload: payload }, owner) => {
    if (webhook === undefined || webhook === null) {
      const option = events ? 'webhook_events_filter' : payload ? 'webhook_payload' : undefined
      if (option) throw refused(`/${option}`, 'there is none; add "webhook", or leave this out')
      return undefined
    }
    const checked = checkWebhookUrl(webhook, { addresses, allowHttp })
    if (checked.problem !== undefined) throw refused('/webhook', checked.problem)
    const frozenBytes = await deliveries.frozenBytes(owner)
    if (frozenBytes > bytesLimit) {
      throw new AppError(
        'deliveries_full',
        `${frozenBytes} bytes of your webhooks were not delivered, and at most ${bytesLimit} are kept: GET /v1/deliveries ` +
          'says why; mend the receiver, DELETE deliveries that are of no use any more, or submit without a webhook',
        { retryAfterSeconds: 60 },
      )
    }
    return {
      url: checked.url.href,
      events: [...new Set(events ?? ['completed' as const])],
      payload: payload ?? 'full',
    }
  }

const refused = (pointer: string, detail: string) =>
  new AppError('invalid_input', `the webhook can't be used: ${detail}`, { places: [{ pointer, detail }] })

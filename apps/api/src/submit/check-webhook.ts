import { AppError } from '@onqueue/shared'
import type { WebhookRequest } from '@onqueue/shared'
import type { CheckReceiver } from '../deliveries/check-receiver.ts'
import type { SubmitRequest } from './submit-request.ts'

/**
 * What a submit asks to be told, checked as far as it can be done without dialling; undefined where it asks for nothing.
 * Throws as the check of the receiver does, and `invalid_input` at an option of no use.
 */
export type CheckWebhook = (
  request: Omit<SubmitRequest, 'input'>,
  owner: string,
) => WebhookRequest | undefined | Promise<WebhookRequest>

export const createWebhookCheck =
  ({ checkReceiver }: { checkReceiver: CheckReceiver }): CheckWebhook =>
  ({ webhook, webhook_events_filter: events, webhook_payload: payload }, owner) => {
    if (webhook === undefined || webhook === null) {
      const option = events ? 'webhook_events_filter' : payload ? 'webhook_payload' : undefined
      if (option) throw withoutWebhook(`/${option}`)
      return undefined
    }
    return checkReceiver(webhook, owner, '/webhook').then((url) => ({
      url,
      events: [...new Set(events ?? ['completed' as const])],
      payload: payload ?? 'full',
    }))
  }

const withoutWebhook = (pointer: string) => {
  const detail = 'there is none; add "webhook", or leave this out'
  return new AppError('invalid_input', `the webhook can't be used: ${detail}`, {
    places: [{ pointer, detail }],
  })
}

import { hash } from 'node:crypto'
import { join } from 'node:path'
import { createClient } from '../support/client.ts'
import type { Client } from '../support/client.ts'
import { loopbackWebhooks } from '../support/receiver.ts'
import type { Stack } from '../support/stack.ts'

// How a stack runs whose records are kept as a fixture, and one that reads them: with the same settings, owners and keys.

export const owners = ['anonymous', 'billing', 'search'] as const
export type Owner = (typeof owners)[number]
export type Clients = Record<Owner, Client>

/** Where webhooks go: at `up` a receiver takes them, at `down` none listens, `paused` has failed for days. */
export type Origins = { up: string; down: string; paused: string }

/** ONQUEUE_SECRET is not set: the one that the first API leaves in Redis is a record, too. Nothing is ever swept. */
export const recordSettings = {
  ...loopbackWebhooks,
  ONQUEUE_MODELS_DIR: join(import.meta.dirname, 'models'),
  ONQUEUE_CORES: '1',
  ONQUEUE_PUBLIC_URL: 'https://onqueue.example',
  ONQUEUE_RETENTION: '876000h',
  ONQUEUE_RETENTION_MIN: '876000h',
  ONQUEUE_WEBHOOK_FAILED_RETENTION: '876000h',
}

/** It takes two APIs to have all owners: without keys everybody is `anonymous`, and with keys nobody is. */
export const openClients = async (stack: Stack): Promise<Clients> => {
  const stored = (['billing', 'search'] as const).map((owner) => `${owner}:${hash('sha256', keyOf(owner))}`)
  const { url } = await stack.startApi({ ONQUEUE_API_KEYS: stored.join(',') })
  const clientOf = (owner: Owner) => createClient(url, { key: keyOf(owner) })
  return { anonymous: stack.client, billing: clientOf('billing'), search: clientOf('search') }
}

const keyOf = (owner: Owner) => `oq_the-key-of-${owner}-in-tests`

import { anonymousOwner } from '../contract/anonymous-owner.ts'
import { createAddressPolicy } from './address-policy.ts'
import type { AddressPolicy } from './address-policy.ts'

/** Where webhooks may go. */
export type ReceiverPolicy = { addresses: AddressPolicy; allowHttp: boolean }

/** Who asked for a webhook: a server without keys trusts its callers with more than a server of many trusts each of them. */
export type CallerKind = 'anonymous' | 'withKey'

export type ReceiverPolicies = Readonly<Record<CallerKind, ReceiverPolicy>>

/**
 * What is allowed to everybody, and loopback over http beside it to callers without a key, where `anonymousLoopback` says
 * so. That goes by the owner of a delivery and not by whether there are keys now, so that API and webhooks processes never
 * differ over it: with the first key nobody is anonymous any more.
 */
export const createReceiverPolicies = ({
  allowedNetworks,
  allowHttp,
  anonymousLoopback,
}: {
  /** networks that are not public and may be dialled all the same */
  allowedNetworks: readonly string[]
  allowHttp: boolean
  anonymousLoopback: boolean
}): ReceiverPolicies => {
  const withKey = { addresses: createAddressPolicy({ allowedNetworks }), allowHttp }
  if (!anonymousLoopback) return { withKey, anonymous: withKey }
  const networks = [...allowedNetworks, '127.0.0.0/8', '::1']
  return {
    withKey,
    anonymous: { addresses: createAddressPolicy({ allowedNetworks: networks }), allowHttp: true },
  }
}

export const callerKindOf = (owner: string): CallerKind =>
  owner === anonymousOwner ? 'anonymous' : 'withKey'

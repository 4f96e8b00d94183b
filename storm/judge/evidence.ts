import type { Census } from '../aftermath/census.ts'
import type { Found } from '../aftermath/read-all.ts'
import type { Entry } from '../ledger/entry.ts'
import type { Arrival } from '../receiver/receiver.ts'
import type { Defect } from '../stack/app-place.ts'
import type { Leftovers } from '../stack/storm-stack.ts'

/** All that is known when a storm is over. */
export type Evidence = {
  /** what the clients know */
  entries: readonly Entry[]
  /** every prediction that a client was told of, that is listed, or that has a job */
  found: readonly Found[]
  /** what the receivers of webhooks know */
  arrivals: readonly Arrival[]
  census: Census
  defects: readonly Defect[]
  leftovers: Leftovers
}

/** Something that may not be. */
export type Violation = {
  rule: string
  /** of the prediction, or what else it is about */
  id: string
  what: string
}

import type { Question } from '../questions/question.ts'
import type { Entry, WebhookAsked } from './entry.ts'

/** What the clients know: every prediction that they wanted, in the order in which they asked. */
export class Ledger {
  readonly #entries: Entry[] = []

  open({
    ordinal,
    kind,
    question,
    key = null,
    webhook = null,
  }: {
    ordinal: number
    kind: string
    question: Question
    key?: string | null | undefined
    webhook?: WebhookAsked | null | undefined
  }): Entry {
    const entry = {
      ordinal,
      kind,
      question,
      key,
      webhook,
      mayEnd: new Set<'canceled' | 'expired'>(),
      isDeleted: false,
      tries: [],
      bareOutputs: [],
      sightings: [],
    }
    this.#entries.push(entry)
    return entry
  }

  get entries(): readonly Entry[] {
    return this.#entries
  }
}

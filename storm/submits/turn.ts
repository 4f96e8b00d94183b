import { setTimeout as sleep } from 'node:timers/promises'
import { call } from '../http/caller.ts'
import type { Call, Reply } from '../http/caller.ts'
import { followEvents } from '../http/follow-events.ts'
import type { Entry, TryAnswer, Wanted } from '../ledger/entry.ts'
import type { Ledger } from '../ledger/ledger.ts'
import { parseJson, parsePrediction, readReply } from '../ledger/read-reply.ts'
import { quickModels } from '../questions/models.ts'
import type { StormModel } from '../questions/models.ts'
import { askOne } from '../questions/question.ts'
import type { Question, Row } from '../questions/question.ts'

export type TurnOptions = {
  ordinal: number
  kind: string
  random: () => number
  ledger: Ledger
  /** of the APIs */
  urls: readonly string[]
  receiverUrls: readonly string[]
  quickModels?: readonly StormModel[]
  /** of the storm: what its keys begin with */
  name: string
}

/** What a submit says beside its input. */
export type Extras = {
  fields?: Record<string, unknown>
  headers?: Record<string, string>
  timeoutMs?: number
}

/** Every prediction has so many rows that no other has; an array can have more only of rows that need not be its own. */
export const ownRows = 64
/** A client that was refused for so long goes away. */
export const patienceMs = 150_000
const rests = { least: 100, more: 400 }
const finalWaitS = 20

/** One client with one prediction. What it is told it notes in the ledger; which API it asks is drawn each time. */
export class Turn {
  readonly random: () => number
  readonly #options: TurnOptions

  constructor(options: TurnOptions) {
    this.random = options.random
    this.#options = options
  }

  /** A row that no other turn has. */
  row({ row }: StormModel, index = 0): Row {
    return row(this.#options.ordinal * ownRows + (index % ownRows), this.random)
  }

  /** Of the demo classifier, drawn: no two of them are alike. */
  features() {
    return Array.from({ length: 4 }, () => this.random() * 4 - 2)
  }

  /** A row of a model that takes no time: of any such where none are given. */
  quickQuestion(): Question {
    const model = this.pick(this.#options.quickModels ?? quickModels)
    return askOne(model.name, this.row(model))
  }

  pick<Item>(items: readonly [Item, ...Item[]] | readonly Item[]): Item {
    const item = items[Math.floor(this.random() * items.length)]
    if (item === undefined) throw new Error('there is nothing to pick from')
    return item
  }

  /** Notes what is wanted, or a part of it. The key is one of its own. */
  open(question: Question, { isKeyed = false, webhook = null, part = 0 }: Wanted = {}): Entry {
    const { ledger, kind, name } = this.#options
    const ordinal = this.#options.ordinal + part / 1000
    return ledger.open({ ordinal, kind, question, key: isKeyed ? `${name}-${ordinal}` : null, webhook })
  }

  /** Submits until it is accepted; without a key also no further than until nobody knows. Answers the id, if one was told. */
  async submit(entry: Entry, extras: Extras = {}): Promise<string | null> {
    const request = this.submitRequest(entry, extras)
    const answer = await this.untilSettled(entry, () => this.try(entry, request))
    return answer.kind === 'accepted' ? answer.id : null
  }

  /** The native submit of an entry. */
  submitRequest(
    { question, key, webhook, ordinal }: Entry,
    { fields = {}, headers = {}, timeoutMs }: Extras,
  ): Call {
    const { receiverUrls } = this.#options
    const toTell = webhook && {
      webhook: receiverUrls[Math.floor(ordinal) % receiverUrls.length],
      webhook_events_filter: webhook.events,
      webhook_payload: webhook.payload,
    }
    return {
      method: 'POST',
      path: `/v1/models/${question.model}/predictions`,
      body: { input: question.input, metadata: { storm: String(ordinal) }, ...toTell, ...fields },
      headers: { ...(key === null ? {} : { 'idempotency-key': key }), ...headers },
      ...(timeoutMs === undefined ? {} : { timeoutMs }),
    }
  }

  /** Tries once, and notes what came of it. */
  async try(entry: Entry, request: Call): Promise<TryAnswer> {
    const at = Date.now()
    const { answer, final, bareOutput } = readReply(await this.call(request))
    entry.tries.push({ at, answer })
    if (final) entry.sightings.push({ via: 'submit', id: final.id, prediction: final })
    if (bareOutput !== undefined) entry.bareOutputs.push(bareOutput)
    return answer
  }

  /** Posts the bare input once. Whoever leaves too early cancels the prediction. */
  async tryBare(entry: Entry, { path, timeoutMs = 40_000 }: { path: string; timeoutMs?: number }) {
    const answer = await this.try(entry, { method: 'POST', path, body: entry.question.input, timeoutMs })
    if (answer.kind === 'unknown' && answer.why === 'TimeoutError') entry.mayEnd.add('canceled')
    return answer
  }

  /** Tries again for as long as a caller would: while it is refused, and with a key also while nobody knows. */
  async untilSettled({ key }: Entry, tryOnce: () => Promise<TryAnswer>): Promise<TryAnswer> {
    const until = Date.now() + patienceMs
    for (;;) {
      const answer = await tryOnce()
      const isGone = answer.kind === 'refused' && answer.code === 'result_expired'
      const isOpen = answer.kind === 'refused' || (answer.kind === 'unknown' && key !== null)
      if (!isOpen || isGone || Date.now() > until) return answer
      await this.rest()
    }
  }

  /** Reads it until it is final, or gone. */
  async untilFinal(entry: Entry, id: string) {
    const until = Date.now() + patienceMs
    while (Date.now() < until) {
      const reply = await this.call({
        method: 'GET',
        path: `/v1/predictions/${id}`,
        headers: { prefer: `wait=${finalWaitS}` },
        timeoutMs: (finalWaitS + 10) * 1000,
      })
      if (isGone(reply) || this.#sight(entry, 'wait', reply)) return
      await this.rest()
    }
  }

  /** Follows its events until the last, over as many connections as it takes. */
  async followToEnd(entry: Entry, id: string) {
    const until = Date.now() + patienceMs
    let lastEventId: string | undefined
    while (Date.now() < until) {
      const { status, events } = await followEvents(this.#url(), `/v1/predictions/${id}/events`, {
        timeoutMs: 30_000,
        lastEventId,
      })
      for (const event of events) {
        lastEventId = event.id
        const prediction = parsePrediction(parseJson(event.data))
        if (prediction && prediction.completed_at !== null) {
          entry.sightings.push({ via: 'events', id, prediction })
          return
        }
      }
      if (status === 404) return
      await this.rest()
    }
  }

  /** Cancels it, until an API says that it is final. */
  async cancel(entry: Entry, id: string) {
    entry.mayEnd.add('canceled')
    await this.#insist({ method: 'POST', path: `/v1/predictions/${id}/cancel` }, (reply) =>
      this.#sight(entry, 'cancel', reply),
    )
  }

  /** Deletes it, until an API says that it is gone. */
  async remove(entry: Entry, id: string) {
    entry.isDeleted = true
    await this.#insist(
      { method: 'DELETE', path: `/v1/predictions/${id}` },
      (reply) => reply.kind === 'answered' && reply.status === 204,
    )
  }

  call(request: Call): Promise<Reply> {
    return call(this.#url(), request)
  }

  rest() {
    return sleep(rests.least + rests.more * this.random())
  }

  async #insist(request: Call, isDone: (reply: Reply) => boolean) {
    const until = Date.now() + patienceMs
    while (Date.now() < until) {
      const reply = await this.call(request)
      if (isGone(reply) || isDone(reply)) return
      await this.rest()
    }
  }

  /** Notes the prediction where a reply shows a final one. */
  #sight(entry: Entry, via: string, reply: Reply) {
    if (reply.kind !== 'answered' || reply.status !== 200) return false
    const prediction = parsePrediction(parseJson(reply.text))
    if (!prediction || prediction.completed_at === null) return false
    entry.sightings.push({ via, id: prediction.id, prediction })
    return true
  }

  #url() {
    return this.pick(this.#options.urls)
  }
}

const isGone = (reply: Reply) => reply.kind === 'answered' && reply.status === 404

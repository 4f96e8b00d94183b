import { get } from 'node:http'
import type { IncomingMessage } from 'node:http'
import { json } from 'node:stream/consumers'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Say } from './supervised-child.ts'

const pollMs = 50
/** What keeps the worker from being ready for less than this is part of starting. */
const lastsMs = 1000

type Options = {
  /** of the API */
  url: string
  /** of the worker's health port */
  workerUrl: string
  /** the default model */
  model: string
  say: Say
  print: (text: string) => void
  signal: AbortSignal
  slowAfterMs?: number
}

/**
 * Waits until the worker is ready, and says meanwhile what keeps it from that; then prints where OnQueue is and a request
 * to paste, to the default model or else to one that is there.
 */
export const announceReady = async (options: Options) => {
  const { url, model, say, print, signal } = options
  const ready = await waitUntilReady(options)
  if (signal.aborted) return
  if (ready !== model) say('OnQueue', explainMissing(model, ready))
  if (ready === undefined) return
  say('OnQueue', `${ready} is ready on ${url} (API reference: ${url}/docs)`)
  const card = await readJson(`${url}/v1/models/${ready}`, signal)
  if (card === undefined) print('\nRequests need an API key: "npm run keys -- create NAME" makes one.\n')
  else if ('example' in card) print(`\n${toCurl(`${url}/v1/models/${ready}/predict`, card.example)}\n`)
}

/** A command for a POSIX shell. */
export const toCurl = (url: string, body: unknown) => {
  const quoted = `'${JSON.stringify(body).replaceAll("'", `'\\''`)}'`
  return `curl -X POST ${url} -H 'content-type: application/json' -d ${quoted}`
}

const explainMissing = (model: string, ready: string | undefined) =>
  `the default model ${model} is not among the models that are ready${ready === undefined ? '' : `, such as ${ready}`}: ` +
  'set ONQUEUE_DEFAULT_MODEL to one that is, or put it into the models folder (ONQUEUE_MODELS_DIR) and start again'

/**
 * Resolves to the default model, or to another one that is ready when the worker does not have that, or takes long to load
 * it; undefined where the list of models needs a key, and when the signal aborts.
 */
const waitUntilReady = async ({ url, workerUrl, model, say, signal, slowAfterMs = 15_000 }: Options) => {
  let isSlow = false
  const slow = setTimeout(() => {
    isSlow = true
    say('OnQueue', explainSlow(model, slowAfterMs))
  }, slowAfterMs)
  let current = { text: '', since: 0, isSaid: true }
  try {
    while (!signal.aborted) {
      const health = await readJson(`${url}/health`, signal)
      if (health?.model_loaded === true) return model
      const readiness = await readReadiness(workerUrl, signal)
      if (health && readiness?.isReady) {
        const list = await readAnswer(`${url}/v1/models`, signal)
        const cards = readCards(list?.body.results)
        const isComing = cards.some(({ name, status }) => name === model && status === 'loading')
        const there = cards.filter(({ status }) => status === 'ready').map(({ name }) => name)
        // it may have become ready since its health was asked
        const ready = there.includes(model) ? model : there[0]
        // the API may hear of it a moment later
        if ((ready !== undefined && (!isComing || isSlow)) || list?.isOk === false) return ready
      }
      const trouble = readiness?.reasons.filter(isTrouble).join('; ') ?? ''
      // how often something was tried is no news
      if (trouble.replaceAll(/\d+ tries/g, '') !== current.text.replaceAll(/\d+ tries/g, ''))
        current = { text: trouble, since: performance.now(), isSaid: trouble === '' }
      else if (!current.isSaid && performance.now() - current.since > lastsMs) {
        current.isSaid = true
        say('OnQueue', `no predictions yet: ${trouble}`)
      }
      await sleep(pollMs, undefined, { signal }).catch(() => {})
    }
    return undefined
  } finally {
    clearTimeout(slow)
  }
}

const explainSlow = (model: string, slowAfterMs: number) =>
  `${model} is not loaded after ${slowAfterMs / 1000} s; still waiting. Is it in the models folder (ONQUEUE_MODELS_DIR, ONQUEUE_DEFAULT_MODEL)?`

/** Not what passes by itself, in a moment. */
const isTrouble = (reason: string) => !/ is loading$| is being read$/.test(reason)

const readReadiness = async (workerUrl: string, signal: AbortSignal) => {
  const answer = await readAnswer(`${workerUrl}/readyz`, signal)
  if (answer === undefined) return undefined
  const { reasons } = answer.body
  return { isReady: answer.isOk, reasons: Array.isArray(reasons) ? reasons.map(String) : [] }
}

/** Name and status of the models of a list. */
const readCards = (list: unknown) => {
  const cards: unknown[] = Array.isArray(list) ? list : []
  return cards.flatMap((card) =>
    typeof card === 'object' && card !== null && 'name' in card && 'status' in card
      ? [{ name: String(card.name), status: String(card.status) }]
      : [],
  )
}

/** The object that an address answers with 200, else undefined. */
const readJson = async (url: string, signal: AbortSignal) => {
  const answer = await readAnswer(url, signal)
  return answer?.isOk ? answer.body : undefined
}

/** The object that an address answers; undefined where it answers none. */
const readAnswer = async (
  url: string,
  signal: AbortSignal,
): Promise<{ isOk: boolean; body: Record<string, unknown> } | undefined> => {
  try {
    const response = await ask(url, AbortSignal.any([signal, AbortSignal.timeout(2000)]))
    const body: unknown = await json(response)
    return typeof body === 'object' && body !== null
      ? { isOk: response.statusCode === 200, body: { ...body } }
      : undefined
  } catch {
    return undefined
  }
}

/** `fetch` would do, and take 8 MB of the process that is there for as long as all others. */
const ask = (url: string, signal: AbortSignal) =>
  new Promise<IncomingMessage>((resolve, reject) => {
    get(url, { signal, agent: false }, resolve).once('error', reject)
  })

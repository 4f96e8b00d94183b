import { setTimeout as sleep } from 'node:timers/promises'
import type { Say } from './supervised-child.ts'

const pollMs = 50
const slowAfterMs = 15_000

/** Waits until the default model is loaded, then prints where OnQueue is and a request to paste. */
export const announceReady = async ({
  url,
  model,
  say,
  print,
  signal,
}: {
  url: string
  model: string
  say: Say
  print: (text: string) => void
  signal: AbortSignal
}) => {
  const isLoaded = await waitUntilLoaded(url, { signal, onSlow: () => say('OnQueue', explainSlow(model)) })
  if (!isLoaded) return
  say('OnQueue', `${model} is ready on ${url} (API reference: ${url}/docs)`)
  const card = await readJson(`${url}/v1/models/${model}`, signal)
  if (card === undefined) print('\nRequests need an API key: "npm run keys -- create NAME" makes one.\n')
  else if ('example' in card) print(`\n${toCurl(`${url}/v1/models/${model}/predict`, card.example)}\n`)
}

/** A command for a POSIX shell. */
export const toCurl = (url: string, body: unknown) => {
  const quoted = `'${JSON.stringify(body).replaceAll("'", `'\\''`)}'`
  return `curl -X POST ${url} -H 'content-type: application/json' -d ${quoted}`
}

const explainSlow = (model: string) =>
  `${model} is not loaded after ${slowAfterMs / 1000} s; still waiting. Is it in the models folder (ONQUEUE_MODELS_DIR, ONQUEUE_DEFAULT_MODEL)?`

const waitUntilLoaded = async (
  url: string,
  { signal, onSlow }: { signal: AbortSignal; onSlow: () => void },
) => {
  const slow = setTimeout(onSlow, slowAfterMs)
  try {
    while (!signal.aborted) {
      const health = await readJson(`${url}/health`, signal)
      if (health?.model_loaded === true) return true
      await sleep(pollMs, undefined, { signal }).catch(() => {})
    }
    return false
  } finally {
    clearTimeout(slow)
  }
}

/** The object that an address answers with 200, else undefined. */
const readJson = async (url: string, signal: AbortSignal): Promise<Record<string, unknown> | undefined> => {
  try {
    const response = await fetch(url, { signal: AbortSignal.any([signal, AbortSignal.timeout(2000)]) })
    const body: unknown = await response.json()
    return response.ok && typeof body === 'object' && body !== null ? { ...body } : undefined
  } catch {
    return undefined
  }
}

import { z } from 'zod'
import { pollUntil } from '../../bench/stack/poll-until.ts'
import { call } from '../http/caller.ts'
import { parseJson } from '../ledger/read-reply.ts'
import type { StormStack } from './storm-stack.ts'

const modelsSchema = z.object({ results: z.array(z.object({ status: z.string() })) })
const secretSchema = z.object({ key: z.string() })

/** Resolves when every API has so many models ready, to the secret that signs webhooks. */
export const untilServing = async ({ urls }: Pick<StormStack, 'urls'>, models: number) => {
  const isServing = async (url: string) => {
    const reply = await call(url, { method: 'GET', path: '/v1/models' })
    const { data } = modelsSchema.safeParse(parseJson(reply.kind === 'answered' ? reply.text : ''))
    return data?.results.filter(({ status }) => status === 'ready').length === models
  }
  await pollUntil(async () => (await Promise.all(urls.map(isServing))).every(Boolean), {
    everyMs: 100,
    patienceMs: 180_000,
    otherwise: 'the models were not ready',
  })
  const reply = await call(urls[0] ?? '', { method: 'GET', path: '/v1/webhooks/default/secret' })
  return secretSchema.parse(parseJson(reply.kind === 'answered' ? reply.text : '')).key
}

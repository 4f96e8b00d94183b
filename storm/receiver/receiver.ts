import { once } from 'node:events'
import { createServer } from 'node:http'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { Webhook } from 'standardwebhooks'

/** All that came under one `webhook-id`. */
export type Arrival = {
  webhookId: string
  /** the different bodies that came; more than one is a defect */
  texts: Set<string>
  posts: number
  /** how often it was answered with 200 */
  taken: number
  /** why a signature was not right; empty if all were */
  forgeries: string[]
}

export type Receiver = {
  urls: readonly string[]
  /** by `webhook-id` */
  arrivals: ReadonlyMap<string, Arrival>
  close: () => Promise<void>
}

/** Origins, each of which is slowed down by itself. */
const servers = 4

/** Receives webhooks, does at random what receivers do wrong, and notes all that came. */
export const startReceiver = async ({
  random,
  readSecret,
}: {
  random: () => number
  /** `whsec_…`, known once the server is there */
  readSecret: () => string
}): Promise<Receiver> => {
  const arrivals = new Map<string, Arrival>()

  const receive = async (request: IncomingMessage, response: ServerResponse) => {
    const text = await readText(request)
    if (text === undefined) return
    const webhookId = String(request.headers['webhook-id'])
    const arrival = arrivals.get(webhookId) ?? {
      webhookId,
      texts: new Set<string>(),
      posts: 0,
      taken: 0,
      forgeries: [],
    }
    arrivals.set(webhookId, arrival)
    arrival.posts += 1
    arrival.texts.add(text)
    const forgery = findForgery(text, request, readSecret())
    if (forgery !== undefined) arrival.forgeries.push(forgery)
    answer(response, random(), () => (arrival.taken += 1))
  }

  const open = Array.from({ length: servers }, () =>
    createServer((request, response) => void receive(request, response)).listen(0, '127.0.0.1'),
  )
  await Promise.all(open.map((server) => once(server, 'listening')))
  return {
    urls: open.map((server) => {
      const address = server.address()
      return `http://127.0.0.1:${typeof address === 'object' && address ? address.port : 0}/hooks`
    }),
    arrivals,
    close: async () => {
      for (const server of open) server.closeAllConnections()
      await Promise.all(open.map((server) => new Promise((resolve) => server.close(resolve))))
    },
  }
}

/** Undefined when the sender died in the middle of it. */
const readText = async (request: IncomingMessage) => {
  const chunks: Uint8Array[] = []
  try {
    for await (const chunk of request) chunks.push(chunk)
    return Buffer.concat(chunks).toString()
  } catch {
    return undefined
  }
}

const findForgery = (text: string, { headers }: IncomingMessage, secret: string) => {
  try {
    new Webhook(secret).verify(
      text,
      Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, String(value)])),
    )
    return undefined
  } catch (err) {
    return String(err)
  }
}

const answer = (response: ServerResponse, dice: number, onTaken: () => void) => {
  if (dice < 0.1) response.writeHead(500).end()
  else if (dice < 0.12) response.destroy()
  else if (dice < 0.13) response.writeHead(429, { 'retry-after': '1' }).end()
  else if (dice >= 0.135) {
    onTaken()
    response.writeHead(200).end()
  }
  // what is left is never answered
}

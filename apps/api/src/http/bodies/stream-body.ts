import type { IncomingMessage } from 'node:http'
import { AppError } from '@onqueue/shared'
import type { ApiContext } from '../api-environment.ts'
import { askForBody } from '../connections/expect-continue.ts'
import { expectLongBody } from '../connections/long-bodies.ts'
import { openTransfer } from '../transfer.ts'

/** What of such a body is in memory at once, on its way from the connection to where it is kept. */
const reservedBytes = 512 * 1024

/**
 * A body that is too long to be held, as it comes: no faster than it is taken. A client that waits to be told to send it is
 * told when the first of it is asked for. It may take as long as it likes while something comes every `idleMs`.
 *
 * Throws `too_many_open` and `server_busy` at once; while it is read `request_timeout`, and `invalid_request` where it does
 * not all arrive.
 */
export const streamBody = (c: ApiContext, { idleMs }: { idleMs: number }): AsyncIterable<Uint8Array> => {
  const release = openTransfer(c, reservedBytes)
  c.env?.outgoing?.once('close', release)
  const { incoming } = c.env ?? {}
  if (!incoming) return c.req.raw.body ?? nothing()
  expectLongBody(incoming)
  return readIncoming(c, incoming, idleMs)
}

const nothing = async function* (): AsyncGenerator<Uint8Array, void> {}

/** By hand: to iterate a request, and to stop before its end, closes its connection, and there would be no answer. */
const readIncoming = async function* (
  c: ApiContext,
  incoming: IncomingMessage,
  idleMs: number,
): AsyncGenerator<Uint8Array, void> {
  askForBody(c)
  for (;;) {
    const chunk: unknown = incoming.read()
    if (chunk instanceof Uint8Array) yield chunk
    else if (incoming.readableEnded) return
    else if (incoming.destroyed) throw new AppError('invalid_request', 'the body did not arrive whole')
    else if (!(await comesWithin(incoming, idleMs))) {
      throw new AppError(
        'request_timeout',
        `nothing of the body came for ${Math.round(idleMs / 1000)} s; send it again, without a break`,
      )
    }
  }
}

/** Resolves to false where nothing more of it comes in time; to true where it ends, too, however it does. */
const comesWithin = (incoming: IncomingMessage, idleMs: number) =>
  new Promise<boolean>((resolve) => {
    const settle = (comes: boolean) => {
      clearTimeout(timer)
      for (const event of events) incoming.off(event, come)
      resolve(comes)
    }
    const come = () => settle(true)
    const timer = setTimeout(() => settle(false), idleMs)
    for (const event of events) incoming.on(event, come)
  })

const events = ['readable', 'end', 'error', 'close'] as const

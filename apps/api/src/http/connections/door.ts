import { once } from 'node:events'
import type { Server, ServerResponse } from 'node:http'
import { Server as NetServer } from 'node:net'
import { setTimeout as wait } from 'node:timers/promises'

/** Closes a server so that no request is lost, and tells whether it does. */
export type Door = {
  /** From the moment on that it is to close, also while it still takes connections. */
  isClosing(): boolean
  /** Whether a request is under way, or it takes connections though it is to close. */
  isBusy(): boolean
  /**
   * Closes in steps, and resolves when no connection is left:
   *
   * 1. every answer says `Connection: close`; for `drainMs`, in which balancers learn that it is not ready any more, all
   *    goes on;
   * 2. no more connections are taken, and `onLastCall` is called; what comes on those that are open is answered;
   * 3. when nothing is under way any more, or `graceMs` is over, `onGraceOver` is called, and what has not answered a
   *    second later is cut.
   */
  close(options: {
    drainMs: number
    graceMs: number
    onLastCall?: () => void
    onGraceOver?: () => void
  }): Promise<void>
}

/**
 * How long nothing may have come before connections that are open and idle are closed: a request that its caller just sent
 * into one would be lost.
 */
const quietMs = 1000
/** After the grace time, for what was held back and answers now. */
const lastAnswersMs = 1000
const lookMs = 20

/** For a server that listens, before anything else sees its requests. */
export const createDoor = (server: Server): Door => {
  const open = new Set<ServerResponse>()
  let connections = 0
  let isClosing = false
  let isDraining = false
  /** when a request was last under way */
  let busyAt = 0

  server.on('connection', (socket) => {
    connections += 1
    socket.once('close', () => (connections -= 1))
  })
  server.on('request', (_request, response) => {
    open.add(response)
    response.once('close', () => {
      open.delete(response)
      busyAt = performance.now()
    })
    if (isClosing) response.shouldKeepAlive = false
  })

  const untilDone = async (forMs: number, isDone: () => boolean) => {
    const until = performance.now() + forMs
    while (connections > 0 && !isDone() && performance.now() < until) await wait(lookMs)
  }

  return {
    isClosing: () => isClosing,
    isBusy: () => open.size > 0 || isDraining,
    close: async ({ drainMs, graceMs, onLastCall = nothing, onGraceOver = nothing }) => {
      if (isClosing) return
      isClosing = true
      isDraining = true
      for (const response of open) if (!response.headersSent) response.shouldKeepAlive = false
      await wait(drainMs)
      const closed = once(server, 'close')
      // that of node:http would end idle connections at once
      NetServer.prototype.close.call(server)
      isDraining = false
      busyAt = performance.now()
      onLastCall()
      await untilDone(graceMs, () => open.size === 0 && performance.now() - busyAt > quietMs)
      onGraceOver()
      await untilDone(lastAnswersMs, () => open.size === 0)
      server.closeAllConnections()
      await closed
    },
  }
}

const nothing = () => undefined

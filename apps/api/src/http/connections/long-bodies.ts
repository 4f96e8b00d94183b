import type { IncomingMessage } from 'node:http'

/**
 * Requests whose body may take longer to arrive than any other's. Node's limit is one for a whole server: who reads such a body
 * says so here, and has a limit of its own, for the time in which nothing comes.
 */
const longBodies = new WeakSet<IncomingMessage>()

export const expectLongBody = (request: IncomingMessage) => void longBodies.add(request)

export const hasLongBody = (request: IncomingMessage) => longBodies.has(request)

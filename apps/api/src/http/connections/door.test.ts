import { once } from 'node:events'
import { Agent, createServer, request } from 'node:http'
import type { IncomingMessage, RequestListener } from 'node:http'
import { connect } from 'node:net'
import { text } from 'node:stream/consumers'
import { expect, onTestFinished, test } from 'vitest'
import { createDoor } from './door.ts'

/** A server with a door, and a connection to it that is kept alive. */
const open = async (listener: RequestListener = (_request, response) => response.end('served')) => {
  const server = createServer()
  const door = createDoor(server)
  server.on('request', listener)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  const port = typeof address === 'object' && address ? address.port : 0
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })
  onTestFinished(() => {
    agent.destroy()
    server.closeAllConnections()
    server.close()
  })
  const ask = async () => {
    const asking = request({ port, host: '127.0.0.1', agent }).end()
    const [response]: IncomingMessage[] = await once(asking, 'response')
    return { connection: response?.headers.connection, body: response && (await text(response)) }
  }
  return { door, port, ask }
}

const dial = async (port: number) => {
  const socket = connect(port, '127.0.0.1')
  await once(socket, 'connect').finally(() => socket.destroy())
}

test('while it drains it takes connections and serves, and says that each is the last request', async () => {
  const { door, port, ask } = await open()
  expect(await ask()).toEqual({ connection: 'keep-alive', body: 'served' })
  const lastCall = Promise.withResolvers<void>()

  const closing = door.close({ drainMs: 1000, graceMs: 30_000, onLastCall: lastCall.resolve })
  await dial(port)
  const served = await ask()
  const busy = door.isBusy()
  await lastCall.promise

  expect(served).toEqual({ connection: 'close', body: 'served' })
  expect([door.isClosing(), busy]).toEqual([true, true])
  await expect(dial(port)).rejects.toThrow('ECONNREFUSED')
  await closing
  expect(door.isBusy()).toBe(false)
})

test('what is under way has its grace time, and holds up nobody', async () => {
  const answer = Promise.withResolvers<void>()
  const { door, ask } = await open(
    (asked, response) => void answer.promise.then(() => response.end('served')),
  )
  const asked = ask()
  await expect.poll(() => door.isBusy()).toBe(true)
  let isGraceOver = false

  const closing = door.close({ drainMs: 0, graceMs: 30_000, onGraceOver: () => (isGraceOver = true) })
  const other = await open()
  await other.door.close({ drainMs: 0, graceMs: 30_000 })

  expect(isGraceOver).toBe(false)
  answer.resolve()
  expect(await asked).toEqual({ connection: 'close', body: 'served' })
  await closing
})

test('what comes on a connection that is open is answered until it has been quiet for a second', async () => {
  const { door, ask } = await open()
  await ask()
  const startedAt = performance.now()

  const closing = door.close({ drainMs: 0, graceMs: 30_000 })
  await expect.poll(() => performance.now() - startedAt, { interval: 10 }).toBeGreaterThan(200)
  const late = await ask()

  expect(late).toEqual({ connection: 'close', body: 'served' })
  await closing
})

test('what is not answered when the grace time is over is told so, and cut a second later', async () => {
  let finish = (): unknown => undefined
  const { door, ask } = await open((_request, response) => (finish = () => response.end('at last')))
  const { door: stubborn, ask: askInVain } = await open(() => undefined)
  const asked = ask()
  const vain = askInVain()
  await expect.poll(() => door.isBusy() && stubborn.isBusy()).toBe(true)
  const startedAt = performance.now()

  await Promise.all([
    door.close({ drainMs: 0, graceMs: 200, onGraceOver: () => finish() }),
    stubborn.close({ drainMs: 0, graceMs: 200 }),
    expect(vain).rejects.toThrow('socket hang up'),
  ])

  expect(await asked).toEqual({ connection: 'close', body: 'at last' })
  expect(performance.now() - startedAt).toBeGreaterThan(1100)
})

test('a door that is closed again changes nothing', async () => {
  const { door } = await open()

  await door.close({ drainMs: 0, graceMs: 0 })
  await door.close({ drainMs: 60_000, graceMs: 60_000 })

  expect(door.isBusy()).toBe(false)
})

import { once } from 'node:events'
import { createServer } from 'node:net'
import type { Socket } from 'node:net'

type Listener = {
  onRequest: (head: string, body: Buffer) => void
  /** told of what is no `POST` that states its length, as those of OnQueue do; the connection is closed */
  onRefused: (head: string) => void
}

const answer = 'HTTP/1.1 204 No Content\r\n\r\n'

/** Does the least that a receiver can: it reads the head as text and answers 204. Resolves to where it listens. */
export const receiveRequests = async (listener: Listener) => {
  const server = createServer({ noDelay: true }, (socket) => receive(socket, listener))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  if (typeof address !== 'object' || address === null) throw new Error('not listening on a port')
  return `http://127.0.0.1:${address.port}/`
}

const receive = (socket: Socket, { onRequest, onRefused }: Listener) => {
  let unread: Buffer | undefined
  socket.on('data', (chunk: Buffer) => {
    let rest = unread ? Buffer.concat([unread, chunk]) : chunk
    let answers = ''
    for (;;) {
      const headEnd = rest.indexOf('\r\n\r\n')
      if (headEnd === -1) break
      const head = rest.toString('latin1', 0, headEnd)
      const length = /\r\ncontent-length: *(\d+)/i.exec(head)?.[1]
      if (length === undefined || !head.startsWith('POST ')) {
        onRefused(head)
        socket.destroy()
        return
      }
      const bodyStart = headEnd + 4
      const end = bodyStart + Number(length)
      if (rest.length < end) break
      onRequest(head, rest.subarray(bodyStart, end))
      answers += answer
      rest = rest.subarray(end)
    }
    unread = rest.length === 0 ? undefined : rest
    if (answers !== '') socket.write(answers, 'latin1')
  })
  // the sender may end at any time
  socket.on('error', () => {})
}

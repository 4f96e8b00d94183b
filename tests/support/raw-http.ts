import { once } from 'node:events'
import { connect } from 'node:net'

/** Sends bytes as they are and closes its half, as `nc -N` does, or leaves it open; resolves to all that came back. */
export const sendRaw = async (port: number, text: string, { halfClose = false } = {}) => {
  const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true })
  if (halfClose) socket.end(text)
  else socket.write(text)
  const received: Buffer[] = []
  socket.on('data', (data) => received.push(data))
  await once(socket, 'end')
  socket.end()
  return Buffer.concat(received).toString()
}

/** The last of the answers in a text, after the interim ones. */
export const parseAnswer = (text: string) => {
  const [last = ''] = text.split(/(?=HTTP\/1\.1 \d)/).slice(-1)
  const [head = '', ...body] = last.split('\r\n\r\n')
  const [, status] = /^HTTP\/1\.1 (\d+)/.exec(head) ?? []
  return { status: Number(status), head, body: body.join('\r\n\r\n') }
}

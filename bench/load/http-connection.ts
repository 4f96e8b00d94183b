import { once } from 'node:events'
import { connect } from 'node:net'
import type { OnReadOpts, Socket } from 'node:net'

export type HttpAnswer = { status: number; body: string }

/**
 * A keep-alive HTTP/1.1 connection that does the least a client can do: one request at a time, prepared text out, and of
 * the answer only the status and the body. It shares its cores with what it measures, so its own cost counts: README.md
 * compares it to other clients. For answers in ASCII that state their length, and nothing else.
 */
export class HttpConnection {
  #socket: Socket | undefined
  #received = ''
  #waiting: { resolve: (answer: HttpAnswer) => void; reject: (reason: Error) => void } | undefined

  static async open(url: URL): Promise<HttpConnection> {
    const connection = new HttpConnection()
    await connection.#connect(url)
    return connection
  }

  send(request: string): Promise<HttpAnswer> {
    return new Promise((resolve, reject) => {
      this.#waiting = { resolve, reject }
      if (this.#socket?.writable) this.#socket.write(request, 'latin1')
      else this.#fail(new Error('the connection is closed'))
    })
  }

  close() {
    this.#socket?.destroy()
  }

  async #connect(url: URL) {
    // read in place, without a stream: what is read is taken out of the buffer before the next read
    const onread: OnReadOpts = {
      buffer: sharedBuffer,
      callback: (bytes, buffer) => {
        this.#receive(Buffer.from(buffer.buffer, buffer.byteOffset, bytes).toString('latin1'))
        return true
      },
    }
    const socket = connect({ host: url.hostname, port: Number(url.port), noDelay: true, onread })
    await once(socket, 'connect')
    socket.on('error', (err) => this.#fail(err))
    socket.on('close', () => this.#fail(new Error('the connection was closed')))
    this.#socket = socket
  }

  #receive(text: string) {
    this.#received = this.#received === '' ? text : this.#received + text
    const answer = readAnswer(this.#received)
    if (!answer) return
    if (answer instanceof Error) {
      this.close()
      this.#fail(answer)
      return
    }
    this.#received = ''
    const waiting = this.#waiting
    this.#waiting = undefined
    waiting?.resolve(answer)
  }

  #fail(err: Error) {
    this.#waiting?.reject(err)
    this.#waiting = undefined
  }
}

const sharedBuffer = Buffer.allocUnsafe(64 * 1024)

/** Without a body a GET. */
export const toRequest = (url: URL, path: string, body?: string) =>
  body === undefined ? `GET ${path} HTTP/1.1\r\nhost: ${url.host}\r\n\r\n` : toPost(url, path, body)

const toPost = (url: URL, path: string, body: string) =>
  `POST ${path} HTTP/1.1\r\nhost: ${url.host}\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n${body}`

/** The answer, undefined while a part of it is missing, or why it can't be read. */
const readAnswer = (text: string): HttpAnswer | Error | undefined => {
  const headEnd = text.indexOf('\r\n\r\n')
  if (headEnd === -1) return undefined
  const length = /\r\ncontent-length: *(\d+)/i.exec(text)?.[1]
  if (length === undefined) return new Error(`an answer without its length: ${text.slice(0, headEnd)}`)
  const bodyStart = headEnd + 4
  if (text.length < bodyStart + Number(length)) return undefined
  return { status: Number(text.slice(9, 12)), body: text.slice(bodyStart) }
}

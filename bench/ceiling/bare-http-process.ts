import { once } from 'node:events'
import { createServer } from 'node:http'
import { z } from 'zod'
import { answerParent } from '../processes/answer-parent.ts'

const requestSchema = z.object({
  recordings: z.array(
    z.object({
      method: z.string(),
      path: z.string(),
      body: z.string(),
      status: z.int(),
      answer: z.string(),
    }),
  ),
})

answerParent(async (message) => {
  const { recordings } = requestSchema.parse(message)
  const known = new Map(
    recordings.map(({ method, path, body, status, answer }) => [
      toKey(method, path, body),
      {
        status,
        answer,
        headers: { 'content-type': 'application/json', 'content-length': Buffer.byteLength(answer) },
      },
    ]),
  )
  const server = createServer((request, response) => {
    let body = ''
    request.setEncoding('utf8')
    request.on('data', (text: string) => {
      body += text
    })
    request.on('end', () => {
      const recorded = known.get(toKey(request.method ?? '', request.url ?? '', body))
      if (recorded) response.writeHead(recorded.status, recorded.headers).end(recorded.answer)
      else response.writeHead(404).end()
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  return { port: typeof address === 'object' ? address?.port : undefined }
})

const toKey = (method: string, path: string, body: string) => `${method} ${path}\n${body}`

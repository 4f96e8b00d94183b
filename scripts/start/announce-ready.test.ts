import { once } from 'node:events'
import { createServer } from 'node:http'
import { expect, onTestFinished, test } from 'vitest'
import { announceReady, toCurl } from './announce-ready.ts'

test('the request can be pasted into a shell, whatever is in the example', () => {
  expect(toCurl('http://127.0.0.1:8080/v1/models/notes/predict', { text: "it's" })).toBe(
    `curl -X POST http://127.0.0.1:8080/v1/models/notes/predict -H 'content-type: application/json' -d '{"text":"it'\\''s"}'`,
  )
})

/** Says what `announceReady` says of an API and a worker that answer so; the default model is iris. */
const startAnnouncing = async ({
  slowAfterMs,
  readyBefore,
}: { slowAfterMs?: number; readyBefore?: string } = {}) => {
  const status = { housing: 'ready', iris: 'loading' }
  let asked = 0
  const answerTo = (path: string) => {
    asked += 1
    if (path === readyBefore) status.iris = 'ready'
    if (path === '/health') return { model_loaded: status.iris === 'ready' }
    const results = Object.entries(status).map(([name, one]) => ({ name, status: one }))
    return path === '/v1/models' ? { results } : { reasons: [] }
  }
  const server = createServer((request, response) =>
    response.end(JSON.stringify(answerTo(request.url ?? ''))),
  )
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => void server.close())
  const address = server.address()
  const url = `http://127.0.0.1:${typeof address === 'object' ? address?.port : ''}`
  const said: string[] = []
  const announced = announceReady({
    url,
    workerUrl: url,
    model: 'iris',
    say: (_, sentence) => void said.push(sentence.replaceAll(url, '')),
    print: () => undefined,
    signal: AbortSignal.timeout(20_000),
    ...(slowAfterMs === undefined ? {} : { slowAfterMs }),
  })
  return {
    status,
    said,
    announced,
    untilAsked: (times: number) => expect.poll(() => asked).toBeGreaterThan(times),
  }
}

test('the default model is waited for while it loads, also where another one is ready', async () => {
  const { status, said, announced, untilAsked } = await startAnnouncing()

  await untilAsked(10)
  status.iris = 'ready'
  await announced

  expect(said).toEqual(['iris is ready on  (API reference: /docs)'])
})

test('a default model that becomes ready between two questions is announced, and no other', async () => {
  const { said, announced } = await startAnnouncing({ readyBefore: '/v1/models' })

  await announced

  expect(said).toEqual(['iris is ready on  (API reference: /docs)'])
})

test('where it is refused, or takes long, another one is announced', async () => {
  const refused = await startAnnouncing()
  refused.status.iris = 'refused'
  await refused.announced
  const slow = await startAnnouncing({ slowAfterMs: 100 })
  await slow.announced

  expect(refused.said).toEqual([
    expect.stringMatching(/^the default model iris is not among the models that are ready, such as housing:/),
    expect.stringMatching(/^housing is ready/),
  ])
  expect(slow.said).toEqual([
    expect.stringMatching(/^iris is not loaded after 0.1 s; still waiting/),
    expect.stringMatching(/^the default model iris is not among the models that are ready, such as housing:/),
    expect.stringMatching(/^housing is ready/),
  ])
})

import { expect, test } from 'vitest'
import { shareLookups } from './share-lookups.ts'

const start = () => {
  const asked: { hostname: string; answer: PromiseWithResolvers<{ address: string; family: number }[]> }[] =
    []
  let now = 0
  const lookup = shareLookups(
    (hostname) => {
      const answer = Promise.withResolvers<{ address: string; family: number }[]>()
      asked.push({ hostname, answer })
      return answer.promise
    },
    { goodForMs: 5000, clock: () => now },
  )
  return { asked, lookup, pass: (ms: number) => (now += ms) }
}

const addresses = [{ address: '192.0.2.1', family: 4 }]

test('a name is looked up once, however many wait for it and however long it takes', async () => {
  const { asked, lookup, pass } = start()

  const first = lookup('a.example')
  pass(60_000)
  const second = lookup('a.example')
  void lookup('b.example')
  asked[0]?.answer.resolve(addresses)

  expect(await Promise.all([first, second])).toEqual([addresses, addresses])
  expect(asked.map(({ hostname }) => hostname)).toEqual(['a.example', 'b.example'])
})

test('an answer is good for five seconds, a failure for none', async () => {
  const { asked, lookup, pass } = start()
  const first = lookup('a.example')
  asked[0]?.answer.resolve(addresses)
  await first

  pass(4999)
  await lookup('a.example')
  expect(asked.length).toBe(1)
  pass(1)
  const failing = lookup('a.example')
  asked[1]?.answer.reject(new Error('EAI_AGAIN'))
  await expect(failing).rejects.toThrow('EAI_AGAIN')
  void lookup('a.example')

  expect(asked.length).toBe(3)
})

import { expect, test } from 'vitest'
import { callerKindOf, createReceiverPolicies } from './receiver-policy.ts'
import { checkWebhookUrl } from './webhook-url.ts'

const policies = createReceiverPolicies({
  allowedNetworks: ['10.0.0.0/8'],
  allowHttp: false,
  anonymousLoopback: true,
})
const isAllowed = (owner: string, url: string, of = policies) =>
  checkWebhookUrl(url, of[callerKindOf(owner)]).problem === undefined

test.each(['http://127.0.0.1:8081/metrics', 'http://localhost:9000/', 'https://[::1]/', 'http://127.1.2.3/'])(
  'a caller without a key may have webhooks go to loopback, and no key holder: %s',
  (url) => {
    expect(isAllowed('anonymous', url)).toBe(true)
    expect(isAllowed('billing', url)).toBe(false)
  },
)

test('what is allowed to everybody is allowed to both', () => {
  for (const owner of ['anonymous', 'billing']) {
    expect(isAllowed(owner, 'https://10.1.2.3/hooks')).toBe(true)
    expect(isAllowed(owner, 'https://example.com/hooks')).toBe(true)
    expect(isAllowed(owner, 'https://192.168.1.1/hooks')).toBe(false)
  }
})

test('an operator who allows loopback to everybody allows it to key holders', () => {
  const lenient = createReceiverPolicies({
    allowedNetworks: ['127.0.0.0/8'],
    allowHttp: true,
    anonymousLoopback: false,
  })

  expect(isAllowed('billing', 'http://127.0.0.1:9000/', lenient)).toBe(true)
})

test('without the setting nobody is trusted with loopback', () => {
  const strict = createReceiverPolicies({ allowedNetworks: [], allowHttp: false, anonymousLoopback: false })

  expect(isAllowed('anonymous', 'https://127.0.0.1/', strict)).toBe(false)
})

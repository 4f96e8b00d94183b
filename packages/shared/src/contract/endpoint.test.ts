import { expect, test } from 'vitest'
import { endpointAt, endpointOf, ownerOfEndpoint } from './endpoint.ts'

test('deliveries of one owner to one origin have one endpoint', () => {
  const endpoint = endpointAt('alice', 'https://a.example')

  expect(endpointOf({ owner: 'alice', url: 'https://a.example/hook?of=1' })).toBe(endpoint)
  expect(endpointOf({ owner: 'alice', url: 'https://A.example:443/other' })).toBe(endpoint)
  expect(endpointOf({ owner: 'bob', url: 'https://a.example/hook' })).not.toBe(endpoint)
})

test('an endpoint tells its owner, also one with a space in the name', () => {
  expect(ownerOfEndpoint(endpointAt('team a', 'https://a.example:8443'))).toBe('team a')
})

import { expect, test } from 'vitest'
import { hostOfHeader, isOutOfReachOfPages } from './request-host.ts'

test.each([
  ['LOCALHOST:8080', 'localhost'],
  ['api.example.:80', 'api.example'],
  ['[::1]:8081', '[::1]'],
  ['0x7f.1', '127.0.0.1'],
  ['a b', ''],
  ['', ''],
])('the host of %j is %j', (header, host) => {
  expect(hostOfHeader(header)).toBe(host)
})

test.each(['', 'evil.example', 'localhost.evil.example', '127.0.0.1.evil.example', 'a.b'])(
  'a page can lead %j here',
  (host) => expect(isOutOfReachOfPages(host)).toBe(false),
)

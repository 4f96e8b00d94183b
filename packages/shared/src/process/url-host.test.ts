import { expect, test } from 'vitest'
import { publicUrlOf } from './environment.ts'
import { urlHost } from './url-host.ts'

test.each([
  ['127.0.0.1', '127.0.0.1'],
  ['::1', '[::1]'],
  ['localhost', 'localhost'],
  ['127.0.0.2', '127.0.0.2'],
  ['192.168.1.7', '192.168.1.7'],
  ['fd00::7', '[fd00::7]'],
  ['0.0.0.0', '127.0.0.1'],
  ['::', '127.0.0.1'],
  ['fe80::1%eth0', '127.0.0.1'],
])('who listens on %s is reached at %s', (address, host) => {
  expect(urlHost(address)).toBe(host)
  expect(publicUrlOf({ ONQUEUE_HOST: address }, 8080)).toBe(`http://${host}:8080`)
})

test('a configured address is the base of links, whatever is listened on', () => {
  const settings = { ONQUEUE_PUBLIC_URL: 'https://ml.example.com/onqueue', ONQUEUE_HOST: '::1' }

  expect(publicUrlOf(settings, 8080)).toBe('https://ml.example.com/onqueue')
})

import { expect, test } from 'vitest'
import { createNetworkCheck, parseNetworks, subscriberOf } from './networks.ts'

test('the networks of a setting are a comma list, with or without blanks and prefixes', () => {
  expect(parseNetworks(' 10.0.0.0/8,::1 ,, fd00::/8, 192.168.1.7,')).toEqual([
    '10.0.0.0/8',
    '::1',
    'fd00::/8',
    '192.168.1.7',
  ])
  expect(parseNetworks('')).toEqual([])
})

test.each([
  '10.0.0.0/33',
  '10.0.0.0/-1',
  '10.0.0.0/',
  '10.0.0.0/8/8',
  '10.0.0.0/255.0.0.0',
  '10/8',
  '010.0.0.0/8',
  '::1/129',
  '::1/1e1',
  'fe80::%eth0/64',
  '[::1]',
  'example.com',
  '*',
  '10.0.0.0/8 ::1',
])('a setting with %j is refused in one sentence that names it', (entry) => {
  const message = `${JSON.stringify(entry)} is not a network: write an address, or an address and the length of its prefix, such as 10.0.0.0/8 or fd00::/8`

  expect(() => parseNetworks(`127.0.0.1, ${entry}`)).toThrow(message)
  expect(() => createNetworkCheck([entry])).toThrow(message)
})

test.each([
  ['10.1.2.3', true],
  ['::ffff:10.1.2.3', true],
  ['::1', true],
  ['fe80::1%eth0', true],
  ['11.1.2.3', false],
  ['::2', false],
  ['localhost', false],
  ['', false],
])('%s in 10.0.0.0/8, ::1 or fe80::/10: %s', (address, isIn) => {
  expect(createNetworkCheck(['10.0.0.0/8', '::1', 'fe80::/10'])(address)).toBe(isIn)
})

test('nothing is in no network', () => {
  expect(createNetworkCheck([])('127.0.0.1')).toBe(false)
})

test.each([
  ['192.0.2.1', '192.0.2.1'],
  ['::ffff:192.0.2.1', '192.0.2.1'],
  ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
  ['fe80::1%eth0', 'fe80::/64'],
  ['unknown', undefined],
])('%s belongs to %s', (address, subscriber) => {
  expect(subscriberOf(address)).toBe(subscriber)
})

import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { createAddressPolicy } from './address-policy.ts'

const internetOnly = createAddressPolicy({ allowedNetworks: [] })

describe('the public internet is allowed', () => {
  test.each([
    ['the lowest', '1.0.0.0'],
    ['a resolver', '8.8.8.8'],
    ['just below 10/8', '9.255.255.255'],
    ['just above 10/8', '11.0.0.0'],
    ['just below carrier-grade NAT', '100.63.255.255'],
    ['just above carrier-grade NAT', '100.128.0.0'],
    ['just below loopback', '126.255.255.255'],
    ['just above loopback', '128.0.0.0'],
    ['just below link-local', '169.253.255.255'],
    ['just above link-local', '169.255.0.0'],
    ['just below 172.16/12', '172.15.255.255'],
    ['just above 172.16/12', '172.32.0.0'],
    ['just above 192.168/16', '192.169.0.0'],
    ['next to WireServer', '168.63.129.17'],
    ['the highest', '223.255.255.255'],
    ['IPv6', '2606:4700:4700::1111'],
    ['IPv6 in full', '2001:4860:4860:0000:0000:0000:0000:8888'],
    ['IPv6 with a scope', '2606:4700:4700::1111%eth0'],
    ['v4-mapped', '::ffff:8.8.8.8'],
    ['v4-mapped in hex', '::ffff:808:808'],
  ])('%s: %s', (_what, address) => {
    expect(internetOnly.isAllowed(address)).toBe(true)
  })
})

describe('everything else is refused', () => {
  test.each([
    ['unspecified', '0.0.0.0'],
    ['this network', '0.1.2.3'],
    ['private', '10.0.0.0'],
    ['private', '10.255.255.255'],
    ['private', '172.16.0.0'],
    ['private', '172.31.255.255'],
    ['private', '192.168.0.1'],
    ['carrier-grade NAT', '100.64.0.0'],
    ['carrier-grade NAT, Alibaba metadata', '100.100.100.200'],
    ['carrier-grade NAT', '100.127.255.255'],
    ['loopback', '127.0.0.1'],
    ['loopback', '127.255.255.254'],
    ['link-local', '169.254.0.1'],
    ['metadata', '169.254.169.254'],
    ['container credentials', '169.254.170.2'],
    ['IETF assignments, Oracle metadata', '192.0.0.192'],
    ['documentation', '192.0.2.1'],
    ['documentation', '198.51.100.1'],
    ['documentation', '203.0.113.1'],
    ['6to4 relays', '192.88.99.1'],
    ['benchmarking', '198.18.0.0'],
    ['benchmarking', '198.19.255.255'],
    ['AS112', '192.175.48.1'],
    ['multicast tunnels', '192.52.193.1'],
    ['multicast', '224.0.0.1'],
    ['multicast', '239.255.255.255'],
    ['reserved', '240.0.0.1'],
    ['broadcast', '255.255.255.255'],
    ['Azure WireServer', '168.63.129.16'],

    ['unspecified', '::'],
    ['loopback', '::1'],
    ['loopback in full', '0:0:0:0:0:0:0:1'],
    ['link-local', 'fe80::1'],
    ['link-local with a scope', 'fe80::1%eth0'],
    ['link-local with a long scope', 'fe80::1%br-0a1b.2'],
    ['link-local, its end', 'febf::1'],
    ['site-local', 'fec0::1'],
    ['unique-local', 'fc00::1'],
    ['unique-local, AWS metadata', 'fd00:ec2::254'],
    ['multicast', 'ff02::1'],
    ['discard', '100::1'],
    ['documentation', '2001:db8::1'],
    ['documentation', '3fff::1'],
    ['benchmarking', '2001:2::1'],
    ['IETF assignments', '2001:1::1'],
    ['ORCHID', '2001:20::1'],
    ['segment routing', '5f00::1'],
    ['not given out', '1fff::1'],
    ['not given out', '4000::1'],
    ['not given out', 'e000::1'],

    ['v4-mapped loopback', '::ffff:127.0.0.1'],
    ['v4-mapped loopback in hex', '::ffff:7f00:1'],
    ['v4-mapped loopback in full', '0:0:0:0:0:ffff:7f00:0001'],
    ['v4-mapped loopback in capitals', '::FFFF:7F00:1'],
    ['v4-mapped loopback with a scope', '::ffff:127.0.0.1%lo'],
    ['v4-mapped metadata', '::ffff:169.254.169.254'],
    ['v4-mapped private', '::ffff:a00:1'],
    ['v4-mapped WireServer', '::ffff:168.63.129.16'],
    ['v4-compatible loopback', '::127.0.0.1'],
    ['v4-compatible loopback in hex', '::7f00:1'],
    ['v4-compatible public', '::8.8.8.8'],
    ['v4-compatible public in hex', '::808:808'],
    ['v4-translated loopback', '::ffff:0:127.0.0.1'],
    ['v4-translated public', '::ffff:0:8.8.8.8'],
    ['6to4 of loopback', '2002:7f00:1::'],
    ['6to4 of a private address', '2002:a00:1::1'],
    ['6to4 of a public address', '2002:808:808::1'],
    ['NAT64 of loopback', '64:ff9b::127.0.0.1'],
    ['NAT64 of loopback in hex', '64:ff9b::7f00:1'],
    ['NAT64 of metadata', '64:ff9b::a9fe:a9fe'],
    ['NAT64 of a public address', '64:ff9b::8.8.8.8'],
    ['local-use NAT64', '64:ff9b:1::a00:1'],
    ['local-use NAT64, its end', '64:ff9b:1:ffff::1'],
    ['Teredo', '2001::1'],
    ['Teredo of loopback (inverted)', '2001:0:4136:e378:8000:63bf:80ff:fffe'],
    ['ISATAP of a private address', '2606:4700::5efe:10.0.0.1'],
    ['ISATAP in hex', '2606:4700::5efe:a00:1'],
    ['ISATAP, universal', '2606:4700::200:5efe:808:808'],
  ])('%s: %s', (_what, address) => {
    expect(internetOnly.isAllowed(address)).toBe(false)
  })

  test.each([
    '',
    ' 8.8.8.8',
    '8.8.8.8 ',
    '8.8.8',
    '134744072',
    '0x8.8.8.8',
    '010.8.8.8',
    '8.8.8.08',
    '8.8.8.8.8',
    '8.8.8.8/32',
    '8.8.8.8:443',
    '8.8.8.8%eth0',
    '8.8.8.256',
    '[2606:4700::1]',
    '2606:4700::1::1',
    '2606:4700:',
    '2606:4700::1%',
    '2606:4700::1/64',
    '::ffff:8.8.8',
    '::ffff:010.8.8.8',
    'dns.google',
    'localhost',
  ])('what is no address in its plain spelling: %j', (text) => {
    expect(internetOnly.isAllowed(text)).toBe(false)
  })
})

test('any IPv4 address is judged the same when it is mapped into IPv6, dotted or in hex', () => {
  const policy = createAddressPolicy({ allowedNetworks: ['10.1.0.0/16'] })
  const hex = (high: number, low: number) => ((high << 8) | low).toString(16)
  const octet = fc.nat(255)

  fc.assert(
    fc.property(octet, octet, octet, octet, (a, b, c, d) => {
      const plain = policy.isAllowed(`${a}.${b}.${c}.${d}`)

      expect(policy.isAllowed(`::ffff:${a}.${b}.${c}.${d}`)).toBe(plain)
      expect(policy.isAllowed(`::ffff:${hex(a, b)}:${hex(c, d)}`)).toBe(plain)
    }),
  )
})

test('any IPv6 address has an answer, and none outside 2000::/3 is allowed but a mapped one', () => {
  fc.assert(
    fc.property(fc.ipV6(), (address) => {
      const isAllowed = internetOnly.isAllowed(address)

      if (isAllowed) expect(address).toMatch(/^[23][\da-f]{3}:|ffff:/i)
    }),
    { numRuns: 1000 },
  )
})

describe('an allowed network lets through what is within it', () => {
  test.each([
    ['127.0.0.0/8', '127.0.0.1'],
    ['127.0.0.0/8', '127.255.255.255'],
    ['127.0.0.1', '127.0.0.1'],
    ['10.9.8.7/8', '10.0.0.1'],
    ['10.1.2.0/23', '10.1.3.255'],
    ['0.0.0.0/0', '192.168.0.1'],
    ['127.0.0.0/8', '::ffff:127.0.0.1'],
    ['127.0.0.0/8', '::ffff:7f00:1'],
    ['::ffff:10.0.0.0/104', '10.1.2.3'],
    ['::ffff:10.0.0.0/104', '::ffff:10.1.2.3'],
    ['::ffff:0:0/96', '10.1.2.3'],
    ['::1', '::1'],
    ['::1/128', '0:0:0:0:0:0:0:1'],
    ['fd00::/8', 'fdff::1'],
    ['fe80::/10', 'fe80::1%eth0'],
    ['2002::/16', '2002:7f00:1::'],
    ['64:ff9b::/96', '64:ff9b::127.0.0.1'],
    ['2001::/32', '2001::1'],
    ['::/0', 'fd00::1'],
    ['::8.8.8.8', '::808:808'],
    ['168.63.129.16/32', '168.63.129.16'],
  ])('%s holds %s', (network, address) => {
    expect(createAddressPolicy({ allowedNetworks: [network] }).isAllowed(address)).toBe(true)
  })

  test.each([
    ['127.0.0.0/8', '10.0.0.1'],
    ['127.0.0.0/8', '::1'],
    ['127.0.0.1', '127.0.0.2'],
    ['10.1.2.0/23', '10.1.4.0'],
    ['10.0.0.0/8', '2002:a00:1::'],
    ['10.0.0.0/8', '64:ff9b::10.0.0.1'],
    ['0.0.0.0/0', '::1'],
    ['0.0.0.0/0', '::127.0.0.1'],
    ['::/0', '10.0.0.1'],
    ['::/0', '::ffff:10.0.0.1'],
    ['::8.8.8.8', '::808:809'],
    ['fd00::/8', 'fc00::1'],
  ])('%s does not hold %s', (network, address) => {
    expect(createAddressPolicy({ allowedNetworks: [network] }).isAllowed(address)).toBe(false)
  })

  test('the public internet stays allowed, and each of several networks counts', () => {
    const policy = createAddressPolicy({ allowedNetworks: ['127.0.0.0/8', '::1'] })

    expect(['8.8.8.8', '127.0.0.1', '::1', '10.0.0.1'].map((address) => policy.isAllowed(address))).toEqual([
      true,
      true,
      true,
      false,
    ])
  })
})

test('a policy tells whether it allows more than the internet', () => {
  expect(internetOnly.hasAllowedNetworks).toBe(false)
  expect(createAddressPolicy({ allowedNetworks: ['::1'] }).hasAllowedNetworks).toBe(true)
})

import { describe, expect, test } from 'vitest'
import { createAddressPolicy } from './address-policy.ts'
import { checkWebhookUrl } from './webhook-url.ts'

const check = (
  text: string,
  { allowHttp = false, allowedNetworks = [] }: { allowHttp?: boolean; allowedNetworks?: string[] } = {},
) => {
  const { url, problem } = checkWebhookUrl(text, {
    addresses: createAddressPolicy({ allowedNetworks }),
    allowHttp,
  })
  return problem ?? url.href
}

describe('an https URL on the public internet is taken, in its normal spelling', () => {
  test.each([
    ['https://example.com/hooks?a=1', 'https://example.com/hooks?a=1'],
    ['HTTPS://EXAMPLE.COM', 'https://example.com/'],
    ['https://example.com.', 'https://example.com./'],
    ['https://example.com:443/', 'https://example.com/'],
    ['https://example.com:80/', 'https://example.com:80/'],
    ['https://example.com:1024/', 'https://example.com:1024/'],
    ['https://example.com:65535/', 'https://example.com:65535/'],
    ['https://example.com/hooks%23part?a=%0A', 'https://example.com/hooks%23part?a=%0A'],
    [' https://example.com/hooks ', 'https://example.com/hooks'],
    ['https://bücher.example/', 'https://xn--bcher-kva.example/'],
    ['https://8.8.8.8/', 'https://8.8.8.8/'],
    ['https://[2606:4700:4700::1111]/', 'https://[2606:4700:4700::1111]/'],
    ['https://localhost.example.com/', 'https://localhost.example.com/'],
    ['https://local.example/', 'https://local.example/'],
    ['https://notlocalhost.example/', 'https://notlocalhost.example/'],
    ['https://internal.example.com/', 'https://internal.example.com/'],
    ['https://127.0.0.1.example.com/', 'https://127.0.0.1.example.com/'],
  ])('%s', (text, href) => {
    expect(check(text)).toBe(href)
  })
})

describe('what is no URL for a webhook is refused, with what to do', () => {
  test.each([
    ['', 'this is not a URL'],
    ['example.com/hooks', 'this is not a URL'],
    ['/hooks', 'this is not a URL'],
    ['https://', 'this is not a URL'],
    ['https://exa mple.com/', 'this is not a URL'],
    ['https://example.com:65536/', 'this is not a URL'],
    ['https://1.2.3.4.5/', 'this is not a URL'],
    ['https://[fe80::1%25eth0]/', 'this is not a URL'],
    ['https://example.com/hooks#part', 'what follows a # in a URL is never sent'],
    ['https://example.com/hooks#', 'what follows a # in a URL is never sent'],
    ['https://example.com/?a=1#token=b', 'what follows a # in a URL is never sent'],
    ['https://example.com/ho\noks', 'a tab or a line break'],
    ['https://exam\tple.com/', 'a tab or a line break'],
    ['https://example.com/\r\n', 'a tab or a line break'],
    ['ftp://example.com/', 'webhooks go over https only'],
    ['file:///etc/passwd', 'webhooks go over https only'],
    ['javascript:alert(1)', 'webhooks go over https only'],
    ['gopher://127.0.0.1:6379/_FLUSHALL', 'webhooks go over https only'],
    ['ws://example.com/', 'webhooks go over https only'],
    ['http://example.com/', 'ONQUEUE_WEBHOOK_ALLOW_HTTP'],
    ['https://example.com:0/', 'port 0 is not for webhooks'],
    ['https://example.com:22/', 'port 22 is not for webhooks'],
    ['https://example.com:25/', 'port 25 is not for webhooks'],
    ['https://example.com:1023/', 'port 1023 is not for webhooks'],
    ['https://example..com/', 'not a name that the DNS can hold'],
    ['https://example.com../', 'not a name that the DNS can hold'],
    ['https://.example.com/', 'not a name that the DNS can hold'],
    ['https://localhost../', 'not a name that the DNS can hold'],
    ['https://127.0.0.1../', 'not a name that the DNS can hold'],
    [`https://${'a.'.repeat(126)}aa/`, 'not a name that the DNS can hold'],
  ])('%s', (text, problem) => {
    expect(check(text)).toContain(problem)
  })

  test('http is taken where the setting allows it, other schemes are not', () => {
    expect(check('http://example.com/', { allowHttp: true })).toBe('http://example.com/')
    expect(check('ftp://example.com/', { allowHttp: true })).toBe(
      'webhooks go over https or http: give an https:// address',
    )
  })

  test('the longest URL has 2,048 characters, also after escaping', () => {
    const prefix = 'https://example.com/'

    expect(check(prefix + 'a'.repeat(2048 - prefix.length))).toContain('aaa')
    expect(check(prefix + 'a'.repeat(2049 - prefix.length))).toContain('longer than 2,048 characters')
    expect(check(prefix + 'ü'.repeat(1000))).toContain('longer than 2,048 characters')
  })

  test.each([
    'https://hunter:secret@example.com/',
    'https://hunter@example.com/',
    'https://:secret@example.com/',
    'http://hunter:secret@example.com/',
    'hunter:secret@example.com',
    'https://hunter:secret@127.0.0.1/',
    'https://hunter:secret@localhost:22/',
    'https://hunter:secret@exa mple.com/',
  ])('%s: a user name and password are never repeated', (text) => {
    const problem = check(text)

    expect(problem).not.toMatch(/hunter|secret/)
    expect(problem).toMatch(/is not sent|https only|not a URL/)
  })
})

const setting = 'ONQUEUE_WEBHOOK_ALLOWED_NETWORKS'

const loopbackSpellings = [
  '127.0.0.1',
  '127.0.0.1.',
  '127.255.255.254',
  '127.1',
  '127.0.1',
  '2130706433',
  '017700000001',
  '0x7f000001',
  '0177.0.0.1',
  '0x7f.0.0.1',
  '0x7f.1',
  '0177.0x0.0.1',
  '0x7F.0X0.1',
  '0000177.0.0.1',
  '%31%32%37.0.0.1',
  '①②⑦.0.0.1',
  '127。0。0。1',
  '[::1]',
  '[0:0:0:0:0:0:0:1]',
  '[0000::0001]',
  '[::ffff:127.0.0.1]',
  '[::ffff:7f00:1]',
  '[::FFFF:7F00:0001]',
  '[0:0:0:0:0:ffff:127.0.0.1]',
  'localhost',
  'LOCALHOST',
  'localhost.',
  'a.localhost',
  'a.b.localhost.',
  '%6c%6fcalhost',
  'ｌocalhost',
]

describe('hosts that are not on the public internet are refused, with the setting that allows them', () => {
  test.each([
    ...loopbackSpellings,
    '0',
    '0.0.0.0',
    '0x0',
    '[::]',
    '10.0.0.1',
    '012.0.0.1',
    '167772161',
    '172.16.0.1',
    '172.31.255.255',
    '192.168.0.1',
    '192.168.257',
    '0xc0a80001',
    '100.64.0.1',
    '169.254.169.254',
    '2852039166',
    '0xa9fea9fe',
    '0251.0376.0251.0376',
    '169.254.43518',
    '100.100.100.200',
    '168.63.129.16',
    '224.0.0.1',
    '255.255.255.255',
    '192.0.2.1',
    '198.18.0.1',
    '[fe80::1]',
    '[fc00::1]',
    '[fd00:ec2::254]',
    '[ff02::1]',
    '[2001:db8::1]',
    '[::127.0.0.1]',
    '[::7f00:1]',
    '[::8.8.8.8]',
    '[::ffff:169.254.169.254]',
    '[::ffff:a9fe:a9fe]',
    '[::ffff:10.0.0.1]',
    '[::ffff:0:127.0.0.1]',
    '[2002:7f00:1::]',
    '[2002:808:808::]',
    '[64:ff9b::127.0.0.1]',
    '[64:ff9b::7f00:1]',
    '[64:ff9b:1::a00:1]',
    '[2001:0:4136:e378:8000:63bf:80ff:fffe]',
    '[2606:4700::5efe:10.0.0.1]',
    'metadata.google.internal',
    'METADATA.google.internal.',
    'metadata',
    'redis',
    'redis.',
    'intranet',
    'printer.local',
    'printer.local.',
    'local',
    'internal',
    'db.corp.internal',
    'nas.home.arpa',
    'home.arpa',
    'nas.home.arpa.',
  ])('%s', (host) => {
    expect(check(`https://${host}/`)).toContain(setting)
    expect(check(`https://${host}:8443/hooks`)).toContain(setting)
    expect(check(`http://${host}/`, { allowHttp: true })).toContain(setting)
  })

  test('the sentences', () => {
    const remedy = `give a public one, or have its network added to ${setting} on the server`

    expect(check('https://0x7f.1/')).toBe(`the address 127.0.0.1 is not public: ${remedy}`)
    expect(check('https://localhost./')).toBe(`localhost is this server itself: ${remedy}`)
    expect(check('https://nas.local/')).toBe(`nas.local is a name inside a local network: ${remedy}`)
  })
})

describe('allowed networks', () => {
  test.each(loopbackSpellings)('loopback lets %s through', (host) => {
    const allowedNetworks = ['127.0.0.0/8', '::1']

    expect(check(`http://${host}:8080/`, { allowHttp: true, allowedNetworks })).toMatch(
      /^http:\/\/.*:8080\/$/,
    )
  })

  test.each(['redis', 'printer.local', 'db.corp.internal', 'nas.home.arpa'])(
    'any network lets %s through, as its addresses are checked when they are dialled',
    (host) => {
      expect(check(`https://${host}/`, { allowedNetworks: ['10.0.0.0/8'] })).toBe(`https://${host}/`)
    },
  )

  test.each([
    ['10.0.0.0/8', 'localhost'],
    ['10.0.0.0/8', 'a.localhost'],
    ['10.0.0.0/8', '127.0.0.1'],
    ['10.0.0.0/8', '[::1]'],
    ['10.0.0.0/8', '192.168.0.1'],
    ['10.0.0.0/8', '169.254.169.254'],
    ['127.0.0.0/8', '[::1]'],
    ['127.0.0.0/8', '[64:ff9b::7f00:1]'],
    ['::/0', '[::ffff:127.0.0.1]'],
  ])('%s does not let %s through', (network, host) => {
    expect(check(`https://${host}/`, { allowedNetworks: [network] })).toContain(setting)
  })

  test('the ports and the scheme stay what they are', () => {
    const allowedNetworks = ['0.0.0.0/0', '::/0']

    expect(check('https://localhost:22/', { allowedNetworks })).toContain('port 22')
    expect(check('http://localhost/', { allowedNetworks })).toContain('ONQUEUE_WEBHOOK_ALLOW_HTTP')
  })
})

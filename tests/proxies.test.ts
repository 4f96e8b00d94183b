import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test, vi } from 'vitest'
import { createClient } from './support/client.ts'
import { root, shippedModel, startStack } from './support/stack.ts'

const nginx = ['/usr/sbin/nginx', '/usr/bin/nginx', '/usr/local/bin/nginx'].find((path) => existsSync(path))
if (nginx === undefined) console.log('proxies: no nginx here, so the recipe in docs/proxies.md is not tried')

const freePort = async () => {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  server.close()
  await once(server, 'close')
  return typeof address === 'object' && address ? address.port : 0
}

/** The recipe as it stands in docs/proxies.md, for a server elsewhere, in an nginx of its own. */
const startNginx = async (path: string, { port, apiUrl }: { port: number; apiUrl: string }) => {
  const docs = await readFile(join(root, 'docs/proxies.md'), 'utf8')
  const [, recipe = ''] = /```nginx\n(.*?)```/s.exec(docs) ?? []
  const folder = await mkdtemp(join(tmpdir(), 'onqueue-nginx-'))
  await mkdir(join(folder, 'temp'))
  const temps = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((kind) => `${kind}_temp_path temp;`)
  const server = recipe
    .replace('listen 80;', `listen 127.0.0.1:${port};`)
    .replace('http://127.0.0.1:8080/', `${apiUrl}/`)
  const isRoot = process.getuid?.() === 0
  await writeFile(
    join(folder, 'nginx.conf'),
    `${isRoot ? 'user root;' : ''} pid nginx.pid; error_log stderr;\nevents {}\nhttp { access_log off; ${temps.join(' ')}\n${server}}\n`,
  )
  const child = spawn(
    path,
    ['-p', folder, '-c', join(folder, 'nginx.conf'), '-e', 'stderr', '-g', 'daemon off;'],
    {
      stdio: 'inherit',
    },
  )
  const exited = once(child, 'exit')
  onTestFinished(async () => {
    child.kill('SIGTERM')
    await exited
    await rm(folder, { recursive: true })
  })
  const url = `http://127.0.0.1:${port}/onqueue`
  await vi.waitFor(async () => expect((await fetch(`${url}/livez`)).status).toBe(200), { timeout: 10_000 })
  return url
}

test.skipIf(nginx === undefined)(
  'behind nginx, as docs/proxies.md has it, everything is found and nothing is held back',
  async () => {
    const port = await freePort()
    const url = `http://127.0.0.1:${port}/onqueue`
    const stack = await startStack({
      models: [shippedModel('iris')],
      environment: {
        ONQUEUE_PUBLIC_URL: url,
        ONQUEUE_TRUSTED_PROXIES: '127.0.0.1',
        ONQUEUE_CONNECTIONS_PER_ADDRESS: '1',
      },
    })
    onTestFinished(() => stack.close())
    await startNginx(nginx ?? '', { port, apiUrl: stack.url })
    const client = createClient(url)
    const features = [5.1, 3.5, 1.4, 0.2]

    const submitted = await client.submit('iris', { features })
    const location = new URL(submitted.headers.get('location') ?? '', url).href
    const found = await fetch(location)
    const events = await fetch(submitted.body.urls.events)
    const rows = JSON.stringify(Array.from({ length: 1000 }, () => ({ features })))
    const large = await client.call('POST', '/v1/models/iris/predict', rows.padEnd(2_000_000))
    const tooLarge = await client.call('POST', '/v1/models/iris/predict', rows.padEnd(10.6 * 1024 * 1024))
    const home = await fetch(url, { headers: { accept: 'text/html' } })

    expect(submitted.body.urls.get).toBe(location)
    expect([found.status, await found.json()]).toEqual([
      200,
      expect.objectContaining({ id: submitted.body.id }),
    ])
    expect(await events.text()).toContain('event: prediction')
    expect([large.status, large.body.length]).toEqual([200, 1000])
    expect([tooLarge.status, tooLarge.body.code]).toEqual([413, 'body_too_large'])
    expect([home.url, await home.text()]).toEqual([`${url}/`, expect.stringContaining('OnQueue')])
  },
)

test.skipIf(nginx === undefined)(
  'behind nginx an event comes at once, and a caller who left is noticed',
  async () => {
    const port = await freePort()
    const stack = await startStack({
      models: [shippedModel('iris')],
      environment: { ONQUEUE_PUBLIC_URL: `http://127.0.0.1:${port}/onqueue` },
    })
    onTestFinished(() => stack.close())
    const url = await startNginx(nginx ?? '', { port, apiUrl: stack.url })
    await stack.workers[0]?.stop()
    const { body } = await createClient(url).submit('iris', { features: [5.1, 3.5, 1.4, 0.2] })
    const leaving = new AbortController()
    const events = await fetch(body.urls.events, { signal: leaving.signal })

    const first = await events.body?.getReader().read()
    leaving.abort()

    expect(Buffer.from(first?.value ?? []).toString()).toContain('"status":"queued"')
    await vi.waitFor(
      async () =>
        expect(await (await fetch(`${stack.url}/metrics`)).text()).toContain('onqueue_event_streams 0'),
      { timeout: 20_000 },
    )
    await createClient(url).call('POST', `/v1/predictions/${body.id}/cancel`)
  },
)

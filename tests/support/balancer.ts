import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { vi } from 'vitest'
import { pickPort } from '../../scripts/redis/ports.ts'
import { findOnPath } from '../../scripts/redis/run-program.ts'

/** The program, or undefined where there is none: `apt-get install nginx-light` brings it, and `.ci/run` does. */
export const nginx =
  findOnPath('nginx', process.env['PATH']) ?? ['/usr/sbin/nginx'].find((file) => existsSync(file))

/** nginx before several APIs. It passes nothing on twice, and sends requests to those only that are ready. */
export type Balancer = {
  url: string
  /** Has it look after an API from now on. Resolves when requests may go there. */
  add(url: string): Promise<void>
  close(): Promise<void>
}

const lookMs = 100

/**
 * nginx itself has active health checks in its commercial edition only. So this follows `/readyz` of each API, as a
 * controller of an orchestrator does, and has nginx read its configuration again when one of them changes.
 */
export const startBalancer = async (program: string): Promise<Balancer> => {
  const folder = await mkdtemp(join(tmpdir(), 'onqueue-nginx-'))
  const port = await pickPort()
  const file = join(folder, 'nginx.conf')
  const known = new Set<string>()
  let ready: string[] = []

  const writeConfig = async () => {
    await writeFile(`${file}.new`, configOf({ folder, port, apis: ready }))
    await rename(`${file}.new`, file)
  }
  await writeConfig()
  const child = spawn(program, ['-p', folder, '-c', file, '-e', 'stderr'], {
    stdio: ['ignore', 'ignore', 'inherit'],
  })
  const ended = new Promise((resolve) => child.once('exit', resolve))
  await vi.waitFor(() => fetch(`http://127.0.0.1:${port}/`), { timeout: 10_000, interval: 20 })

  const follow = async (signal: AbortSignal) => {
    while (!signal.aborted) {
      const states = await Promise.all([...known].map(async (url) => ({ url, isReady: await isReady(url) })))
      const now = states.filter((state) => state.isReady).map(({ url }) => url)
      if (now.join() !== ready.join()) {
        ready = now
        await writeConfig()
        child.kill('SIGHUP')
      }
      await wait(lookMs)
    }
  }
  const closing = new AbortController()
  const following = follow(closing.signal)

  return {
    url: `http://127.0.0.1:${port}`,
    add: async (url) => {
      known.add(url)
      await vi.waitFor(() => {
        if (!ready.includes(url)) throw new Error(`${url} is not ready`)
      }, 30_000)
    },
    close: async () => {
      closing.abort()
      await following
      child.kill('SIGTERM')
      await ended
      await rm(folder, { recursive: true })
    },
  }
}

const isReady = (url: string) =>
  fetch(`${url}/readyz`).then(
    async (response) => {
      await response.text()
      return response.ok
    },
    () => false,
  )

const configOf = ({ folder, port, apis }: { folder: string; port: number; apis: readonly string[] }) => `
daemon off;
pid ${folder}/nginx.pid;
${process.getuid?.() === 0 ? 'user root;' : ''}
worker_processes 1;
error_log stderr crit;
events { worker_connections 1024; }
http {
  access_log off;
  ${['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((kind) => `${kind}_temp_path ${folder}/${kind};`).join('\n  ')}
  upstream apis {
    ${apis.length === 0 ? 'server 127.0.0.1:1;' : ''}
    ${apis.map((url) => `server ${new URL(url).host} max_fails=0;`).join('\n    ')}
    keepalive 16;
  }
  server {
    listen 127.0.0.1:${port};
    location / {
      proxy_pass http://apis;
      proxy_next_upstream off;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_set_header Host localhost;
      proxy_buffering off;
      proxy_read_timeout 75s;
    }
  }
}
`

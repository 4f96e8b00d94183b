import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { readdir } from 'node:fs/promises'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { vi } from 'vitest'
import { apps } from '../../scripts/start/apps.ts'
import { createClient } from '../support/client.ts'
import type { Client } from '../support/client.ts'
import { root } from '../support/stack.ts'

/** docker-compose.yml at work, under a project name and on a port of its own. `remove` leaves nothing of it behind. */
export type Composition = {
  client: Client
  /** where the API's port is published */
  url: string
  /** Runs a Compose command and answers what it printed. */
  compose(...args: string[]): Promise<string>
  /** The same with other settings. */
  composeWith(settings: Record<string, string>, ...args: string[]): Promise<string>
  /** Runs JavaScript with the Node of a running container and answers the value of its last expression. */
  evaluate(service: string, expression: string): Promise<unknown>
  /** Of each container, by service: `running, healthy`, `exited 0` … */
  states(): Promise<{ service: string; state: string }[]>
  /** Of a running container, by their names in docker-compose.yml: those with a way out, and those without. */
  networksOf(service: string): Promise<{ open: string[]; closed: string[] }>
  /** The command by which an image checks its health where Compose has no other. */
  imageHealthCheck(service: string): Promise<string[]>
  /** Resolves when the API answers and every model is ready. */
  untilReady(): Promise<void>
  remove(): Promise<void>
}

/** Builds the images and starts everything; resolves when the models are ready. */
export const startComposition = async (): Promise<Composition> => {
  const port = await freePort()
  const project = `onqueue-test-${process.pid}`
  const imageOf = (folder: string) => `${project}-${folder}`
  const [program, ...programArgs] = await findCompose()
  const settings = {
    ONQUEUE_PORT: String(port),
    ONQUEUE_API_KEYS: '',
    REDIS_MAXMEMORY: '256mb',
    ...Object.fromEntries(
      apps.map(({ folder }) => [`ONQUEUE_${folder.toUpperCase()}_IMAGE`, imageOf(folder)]),
    ),
    ONQUEUE_WEBHOOK_ALLOW_HTTP: 'true',
    // wherever the engine puts the network of a project
    ONQUEUE_WEBHOOK_ALLOWED_NETWORKS: '10.0.0.0/8,172.16.0.0/12,192.168.0.0/16',
  }
  const composeWith = (changes: Record<string, string>, ...args: string[]) =>
    run(program, [...programArgs, '--project-name', project, ...args], {
      ...process.env,
      ...settings,
      ...changes,
    })
  const compose = (...args: string[]) => composeWith({}, ...args)
  const url = `http://127.0.0.1:${port}`
  const client = createClient(url)
  const composition: Composition = {
    client,
    url,
    compose,
    composeWith,
    evaluate: async (service, expression) =>
      JSON.parse(await compose('exec', '-T', service, 'node', '-p', `JSON.stringify(${expression})`)),
    states: () => readStates(project),
    networksOf: async (service) => {
      const [container = ''] = (await compose('ps', '--quiet', service)).split('\n')
      const found = await run('docker', [
        'inspect',
        '--format',
        '{{json .NetworkSettings.Networks}}',
        container,
      ])
      const names = Object.keys(JSON.parse(found)).sort()
      const networks: { Name: string; Internal: boolean }[] = JSON.parse(
        await run('docker', ['network', 'inspect', ...names]),
      )
      const namesOf = (isInternal: boolean) =>
        networks.flatMap(({ Name, Internal }) =>
          Internal === isInternal ? [Name.slice(project.length + 1)] : [],
        )
      return { open: namesOf(false), closed: namesOf(true) }
    },
    imageHealthCheck: async (service) => {
      const [image = ''] = (await compose('images', '--quiet', service)).split('\n')
      const check: string[] = JSON.parse(
        await run('docker', ['inspect', '--format', '{{json .Config.Healthcheck.Test}}', image]),
      )
      return check.slice(1)
    },
    untilReady: () => untilReady(client),
    remove: async () => {
      await compose('down', '--volumes', '--remove-orphans', '--rmi', 'local', '--timeout', '5')
      // an image with a name of its own stays after `down`
      await run('docker', ['image', 'rm', '--force', ...apps.map(({ folder }) => imageOf(folder))])
    },
  }

  try {
    await compose('build')
    await compose('up', '--detach')
    await composition.untilReady()
    return composition
  } catch (err) {
    const logs = await compose('logs', '--no-color', '--tail', '40').catch(String)
    await composition.remove().catch(() => undefined)
    throw new Error(`the containers did not come up:\n${logs}`, { cause: err })
  }
}

/** Compose is a plugin of Docker, or as version 1 a program of its own. */
const findCompose = async (): Promise<[string, ...string[]]> => {
  const plugin = await run('docker', ['compose', 'version']).then(
    () => true,
    () => false,
  )
  return plugin ? ['docker', 'compose'] : ['docker-compose']
}

const untilReady = async (client: Client) => {
  const entries = await readdir(join(root, 'models'), { withFileTypes: true })
  const models = entries.filter((entry) => entry.isDirectory()).length
  await vi.waitUntil(async () => (await countReady(client)) === models, { timeout: 60_000, interval: 100 })
}

/** None while the API is not there yet. */
const countReady = async (client: Client): Promise<number> => {
  const answer = await client.get('/v1/models').catch(() => undefined)
  const cards: { status: string }[] = answer?.body?.results ?? []
  return cards.filter(({ status }) => status === 'ready').length
}

const readStates = async (project: string) => {
  const ofProject = `label=com.docker.compose.project=${project}`
  const ids = await run('docker', ['ps', '--all', '--quiet', '--filter', ofProject])
  const format = `{{index .Config.Labels "com.docker.compose.service"}} {{json .State}}`
  const lines = await run('docker', ['inspect', '--format', format, ...ids.split('\n')])
  return lines
    .split('\n')
    .map((line) => {
      const [, service = '', json = ''] = /^(\S+) (.*)$/.exec(line) ?? []
      const { Status: status, Health: health, ExitCode: exitCode } = JSON.parse(json)
      return { service, state: status === 'running' ? `running, ${health?.Status}` : `${status} ${exitCode}` }
    })
    .sort((one, other) => one.service.localeCompare(other.service))
}

const freePort = async () => {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  server.close()
  await once(server, 'close')
  if (typeof address !== 'object' || address === null) throw new Error('no free port')
  return address.port
}

const run = async (program: string, args: string[], environment = process.env) => {
  const { stdout } = await promisify(execFile)(program, args, {
    cwd: root,
    env: environment,
    maxBuffer: 64 * 1024 * 1024,
  })
  return stdout.trim()
}

import { resolve } from 'node:path'
import { SetupError } from '../bootstrap/setup-error.mjs'
import { apps, defaultPort } from './apps.ts'

/** What `npm start` itself has to know; everything else is read, checked and explained by the apps. */
export type StartSettings = {
  port: number
  /** of each app, by its setting */
  healthPorts: Record<string, number>
  /** as text, which the apps read */
  webhookAnonymousLoopback: string
  dataDir: string
  modelsDir: string
  defaultModel: string
  isVerbose: boolean
}

/** Throws a `SetupError` that lists every setting that can't be used. An empty one counts as not set. */
export const readStartSettings = (env: NodeJS.ProcessEnv): StartSettings => {
  const problems: string[] = []
  const readPort = (name: string, fallback: number) => {
    const text = env[name] || String(fallback)
    const port = /^\d{1,5}$/.test(text) ? Number(text) : 0
    if (port < 1 || port > 65_535)
      problems.push(`${name} must be a port number from 1 to 65535, not "${text}"`)
    return port
  }

  const port = readPort('PORT', defaultPort)
  const settings = {
    port,
    healthPorts: Object.fromEntries(
      // a wrong PORT is one problem, not one more for each app
      apps.map(({ healthPort: { setting, offset } }) => [
        setting,
        readPort(setting, port === 0 ? 1 : port + offset),
      ]),
    ),
    // who tries OnQueue out has the receiver on the same machine, and no certificate; what listens on loopback is none
    // of the business of callers from elsewhere, nor of those who were given a key
    webhookAnonymousLoopback:
      env.ONQUEUE_WEBHOOK_ANONYMOUS_LOOPBACK ||
      String(isOnLoopback(env) && !env.ONQUEUE_WEBHOOK_ALLOW_HTTP && !env.ONQUEUE_WEBHOOK_ALLOWED_NETWORKS),
    dataDir: resolve(env.ONQUEUE_DATA_DIR || 'data'),
    modelsDir: resolve(env.ONQUEUE_MODELS_DIR || 'models'),
    defaultModel: env.ONQUEUE_DEFAULT_MODEL || 'demo-classifier',
    isVerbose: /^(debug|trace)$/.test(env.LOG_LEVEL ?? ''),
  }
  if (problems.length === 0) problems.push(...describeShared({ PORT: port, ...settings.healthPorts }))
  if (problems.length > 0) throw new SetupError(`${problems.join('; ')}: correct it and start again.`)
  return settings
}

/** Two that listen at the same port: the later one would only be told that it is in use. */
const describeShared = (ports: Record<string, number>) => {
  const settings = Object.entries(ports)
  return settings.flatMap(([setting, port], index) => {
    const [other] = settings.slice(0, index).find(([, earlier]) => earlier === port) ?? []
    return other === undefined ? [] : [`${setting} and ${other} must differ, and are both ${port}`]
  })
}

const isOnLoopback = ({ ONQUEUE_HOST: host }: NodeJS.ProcessEnv) =>
  !host || host === 'localhost' || host === '::1' || host.startsWith('127.')

/** What the children read: the settings above, also where they were left to their defaults. */
export const toChildEnvironment = (settings: StartSettings): Record<string, string> => ({
  PORT: String(settings.port),
  ...Object.fromEntries(
    Object.entries(settings.healthPorts).map(([setting, port]) => [setting, String(port)]),
  ),
  ONQUEUE_WEBHOOK_ANONYMOUS_LOOPBACK: settings.webhookAnonymousLoopback,
  ONQUEUE_DATA_DIR: settings.dataDir,
  ONQUEUE_MODELS_DIR: settings.modelsDir,
  ONQUEUE_DEFAULT_MODEL: settings.defaultModel,
})

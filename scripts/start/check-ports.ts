import { tryPort } from './ports.ts'
import { SetupError } from '../bootstrap/setup-error.mjs'
import type { StartSettings } from './start-settings.ts'

/** Throws a `SetupError` when one of the ports to listen on is taken, before anything is started. */
export const checkPorts = async (settings: StartSettings): Promise<void> => {
  const ports = [
    { setting: 'PORT', port: settings.port },
    { setting: 'ONQUEUE_API_HEALTH_PORT', port: settings.apiHealthPort },
    { setting: 'ONQUEUE_WORKER_HEALTH_PORT', port: settings.workerHealthPort },
    { setting: 'ONQUEUE_WEBHOOKS_HEALTH_PORT', port: settings.webhooksHealthPort },
  ]
  for (const { setting, port } of ports) {
    const code = await tryPort(port)
    if (code !== undefined) throw new SetupError(explainPort({ setting, port, code }))
  }
}

const explainPort = ({ setting, port, code }: { setting: string; port: number; code: string }): string => {
  const reason =
    code === 'EADDRINUSE'
      ? 'is in use'
      : code === 'EACCES'
        ? 'is for root only'
        : `can't be listened on (${code})`
  const other = port + 10 > 65_535 || port < 1024 ? 8090 : port + 10
  return `Port ${port} (${setting}) ${reason}. Type "${setting}=${other} npm start" to use another one.`
}

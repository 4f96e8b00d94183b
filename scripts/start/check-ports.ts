import { SetupError } from '../bootstrap/setup-error.mjs'
import { tryPort } from '../redis/ports.ts'
import type { StartSettings } from './start-settings.ts'

/** Throws a `SetupError` when one of the ports to listen on is taken, before anything is started. */
export const checkPorts = async ({ port, healthPorts }: Pick<StartSettings, 'port' | 'healthPorts'>) => {
  for (const [setting, one] of Object.entries({ PORT: port, ...healthPorts })) {
    const code = await tryPort(one)
    if (code !== undefined) throw new SetupError(explainPort({ setting, port: one, code }))
  }
}

const explainPort = ({ setting, port, code }: { setting: string; port: number; code: string }) => {
  const reason =
    code === 'EADDRINUSE'
      ? 'is in use'
      : code === 'EACCES'
        ? 'is for root only'
        : `can't be listened on (${code})`
  const other = port + 10 > 65_535 || port < 1024 ? 8090 : port + 10
  return `Port ${port} (${setting}) ${reason}. Type "${setting}=${other} npm start", or write ${setting}=${other} into .env, to use another one.`
}

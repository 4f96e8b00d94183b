import { ConfigError } from './environment.ts'

/** The sentence for an address that can't be listened on, and which settings to change. */
export const toListenError = (
  err: unknown,
  address: { host: string; port: number; hostSetting: string; portSetting: string },
) => {
  const { host, port, hostSetting, portSetting } = address
  const reason = err instanceof Error && 'code' in err ? String(err.code) : String(err)
  return new ConfigError(
    reason === 'EADDRINUSE'
      ? `port ${port} is in use; stop what uses it, or set ${portSetting} to another one`
      : `can't listen on ${host}, port ${port} (${reason}); set ${hostSetting} and ${portSetting} to what this machine has`,
    { cause: err },
  )
}

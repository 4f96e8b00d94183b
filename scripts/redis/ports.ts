import { randomInt } from 'node:crypto'
import { createServer } from 'node:net'

const loopback = '127.0.0.1'

/** Why a port on loopback can't be listened on (`EADDRINUSE`, `EACCES`), or undefined when it can. */
export const tryPort = async (port: number): Promise<string | undefined> => {
  try {
    await listenOnce(port)
    return undefined
  } catch (err) {
    return err instanceof Error && 'code' in err ? String(err.code) : String(err)
  }
}

/** Below the ports that systems give to outgoing connections (from 32768 on Linux), which could have it taken before it is used. */
const firstPort = 20_000
const portCount = 12_000

/** A free port on loopback: the preferred one if it is free. Throws where none can be listened on. */
export const pickPort = async (preferred?: number): Promise<number> => {
  const port = preferred ?? firstPort + randomInt(portCount)
  const refusal = await tryPort(port)
  if (refusal === undefined) return port
  if (preferred === undefined && refusal !== 'EADDRINUSE')
    throw new Error(`no port of ${loopback} can be listened on: ${refusal}`)
  return pickPort()
}

/** A free port for each of these settings, as an environment has it. */
export const pickPorts = async (settings: readonly string[]) =>
  Object.fromEntries(
    await Promise.all(settings.map(async (setting) => [setting, String(await pickPort())] as const)),
  )

const listenOnce = (port: number) =>
  new Promise<void>((resolve, reject) => {
    const server = createServer()
    server.once('error', reject)
    server.listen({ port, host: loopback }, () => server.close(() => resolve()))
  })

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

/** A free port on loopback: the preferred one if it is free. */
export const pickPort = async (preferred = 0) => listenOnce(preferred).catch(() => listenOnce(0))

/** A free port for each of these settings, as an environment has it. */
export const pickPorts = async (settings: readonly string[], pick: () => Promise<number> = pickPort) =>
  Object.fromEntries(
    await Promise.all(settings.map(async (setting) => [setting, String(await pick())] as const)),
  )

const listenOnce = (port: number) =>
  new Promise<number>((resolve, reject) => {
    const server = createServer()
    server.once('error', reject)
    server.listen({ port, host: loopback }, () => {
      const address = server.address()
      server.close(() => resolve(typeof address === 'object' && address !== null ? address.port : port))
    })
  })

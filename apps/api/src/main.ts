import { ConfigError } from '@onqueue/shared'
import { readConfig } from './config.ts'
import { startApi } from './server.ts'

try {
  const api = await startApi(readConfig(process.env))
  process.send?.({ type: 'ready', url: api.url })
  await new Promise((resolve) => {
    for (const event of ['SIGINT', 'SIGTERM', 'disconnect']) process.once(event, resolve)
  })
  await api.close()
  process.exit(0)
} catch (err) {
  if (!(err instanceof ConfigError)) throw err
  const message = `api: ${err.message}`
  // whoever started it with a channel says it
  if (process.send) process.send({ type: 'fatal', message })
  else console.error(message)
  process.exitCode = 1
  process.disconnect?.()
}

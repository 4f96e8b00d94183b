import { readConfig } from './config.ts'
import { startWebhooks } from './server.ts'

const fail = (err: unknown) => {
  const message = `webhooks: ${err instanceof Error ? err.message : String(err)}`
  if (process.send) return process.send({ type: 'fatal', message }, () => process.exit(1))
  console.error(message)
  process.exit(1)
}

try {
  const webhooks = await startWebhooks(readConfig(process.env))
  process.send?.({ type: 'ready', url: `http://127.0.0.1:${webhooks.healthPort}` })
  await new Promise((resolve) => {
    for (const event of ['SIGINT', 'SIGTERM', 'disconnect']) process.once(event, resolve)
  })
  await webhooks.close()
  process.exit(0)
} catch (err) {
  fail(err)
}

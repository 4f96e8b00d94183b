import { readConfig } from './config.ts'
import { startWorker } from './server.ts'

const fail = (err: unknown) => {
  const message = `worker: ${err instanceof Error ? err.message : String(err)}`
  if (process.send) return process.send({ type: 'fatal', message }, () => process.exit(1))
  console.error(message)
  process.exit(1)
}

try {
  const worker = await startWorker(readConfig(process.env))
  process.send?.({ type: 'ready', url: `http://127.0.0.1:${worker.healthPort}` })
  await new Promise((resolve) => {
    for (const event of ['SIGINT', 'SIGTERM', 'disconnect']) process.once(event, resolve)
  })
  await worker.close()
  process.exit(0)
} catch (err) {
  fail(err)
}

import { runProcess } from '@onqueue/shared'
import { readConfig } from './config.ts'
import { startWebhooks } from './server.ts'

await runProcess('webhooks', (ending) => startWebhooks(readConfig(process.env), ending))

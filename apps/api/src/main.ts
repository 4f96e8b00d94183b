import { runProcess } from '@onqueue/shared'
import { readConfig } from './config.ts'
import { startApi } from './server.ts'

await runProcess('api', () => startApi(readConfig(process.env)))

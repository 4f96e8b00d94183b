import { runProcess } from '@onqueue/shared'
import { readConfig } from './config.ts'
import { startWorker } from './server.ts'

await runProcess('worker', () => startWorker(readConfig(process.env)))

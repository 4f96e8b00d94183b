import { runProcess } from '@onqueue/shared'
import { readConfig } from './config.ts'
import { startWorker } from './server.ts'

await runProcess('worker', (ending) => startWorker(readConfig(process.env), ending))

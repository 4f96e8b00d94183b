import { startInForeground } from './start-in-foreground.ts'

// V8 takes what it may have: by default 300 MB under load. The young generation of the API has to hold what 256 waiting
// requests keep alive (26 KB each), or the collector copies all of it again and again. The old one holds what is parsed:
// 30 bodies of 10 MB at once pass. The webhooks process holds bodies of 256 KB at the most, one for each attempt.
await startInForeground({
  apps: [
    {
      name: 'API',
      entry: 'apps/api/src/main.ts',
      nodeArgs: ['--max-semi-space-size=8', '--max-old-space-size=128'],
    },
    {
      name: 'worker',
      entry: 'apps/worker/src/main.ts',
      nodeArgs: ['--max-semi-space-size=8', '--max-old-space-size=192'],
    },
    {
      name: 'webhooks',
      entry: 'apps/webhooks/src/main.ts',
      nodeArgs: ['--max-semi-space-size=4', '--max-old-space-size=128'],
      // A DNS look-up holds a thread until it is answered: with Node's four, the names of one dead server would hold up
      // the deliveries to all others.
      ownEnv: { UV_THREADPOOL_SIZE: '64' },
    },
  ],
})

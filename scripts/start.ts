import { startInForeground } from './start-in-foreground.ts'

// V8 takes what it may have: by default 300 MB under load. The young generation of the API has to hold what 256 waiting
// requests keep alive (26 KB each), or the collector copies all of it again and again. The old one holds what is parsed:
// 30 bodies of 10 MB at once pass.
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
  ],
})

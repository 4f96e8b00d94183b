import { startInForeground } from './start-in-foreground.ts'

// V8 takes what it may have: by default 300 MB under load. The young generation of the API has to hold what 256 waiting
// requests keep alive (26 KB each), or the collector copies all of it again and again: 12 MB instead of 4 save a quarter
// of its CPU. The old generation leaves room for several bodies of 10 MB at once.
await startInForeground({
  apps: [
    {
      name: 'API',
      entry: 'apps/api/src/main.ts',
      nodeArgs: ['--max-semi-space-size=12', '--max-old-space-size=256'],
    },
    {
      name: 'worker',
      entry: 'apps/worker/src/main.ts',
      nodeArgs: ['--max-semi-space-size=8', '--max-old-space-size=192'],
    },
  ],
})

import { startInForeground } from './start-in-foreground.ts'

// V8 takes what it may have: by default several hundred MB under load, for a tenth less CPU. The API's limit leaves room
// for several bodies of 10 MB at once.
await startInForeground({
  apps: [
    {
      name: 'API',
      entry: 'apps/api/src/main.ts',
      nodeArgs: ['--max-semi-space-size=8', '--max-old-space-size=256'],
    },
    {
      name: 'worker',
      entry: 'apps/worker/src/main.ts',
      nodeArgs: ['--max-semi-space-size=8', '--max-old-space-size=192'],
    },
  ],
})

import { spawn } from 'node:child_process'
import { availableParallelism } from 'node:os'
import { afterAll, beforeAll, expect, onTestFinished, test, vi } from 'vitest'
import { startTestRedis } from '../../scripts/redis/start-test-redis.ts'
import type { TestRedis } from '../../scripts/redis/start-test-redis.ts'
import { inParallel } from '../support/in-parallel.ts'
import { startStack, testModel } from '../support/stack.ts'
import type { Stack } from '../support/stack.ts'

let redis: TestRedis
let stack: Stack

beforeAll(async () => {
  redis = await startTestRedis()
  stack = await startStack({ models: [testModel('throws')], redisUrl: redis.url })
})
afterAll(async () => {
  redis.signal('SIGCONT')
  await stack.close()
  await redis.close()
})

const untilPassed = (ms: number) => {
  const since = performance.now()
  return vi.waitFor(() => expect(performance.now() - since).toBeGreaterThan(ms), {
    timeout: 10_000,
    interval: 5,
  })
}

test('an API that is starved does not take that for a silence of Redis, which is starved beside it', async () => {
  redis.signal('SIGSTOP')
  const submitting = stack.client.submit('throws', { i: 3 })

  // seven times a moment of the processor, which is enough to look and not to be on time
  for (let moment = 0; moment < 7; moment += 1) {
    stack.api.signal('SIGSTOP')
    await untilPassed(400)
    stack.api.signal('SIGCONT')
    await stack.client.get('/livez')
  }
  redis.signal('SIGCONT')

  expect((await submitting).status).toBe(202)
})

test('beside processes that spin every submit is accepted', async () => {
  const spinning = Array.from({ length: 4 * availableParallelism() }, () =>
    spawn(process.execPath, ['-e', 'for (;;);'], { stdio: 'ignore' }),
  )
  onTestFinished(() => {
    for (const child of spinning) child.kill('SIGKILL')
  })

  const answers = await inParallel(600, 32, (index) => stack.client.submit('throws', { i: index % 10 }))

  expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([202]))
})

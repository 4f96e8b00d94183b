import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { text } from 'node:stream/consumers'
import { expect, test } from 'vitest'

const program = new URL('./fixtures/app-process.ts', import.meta.url).pathname

/** Runs the app with or without a channel; it is told to end when it says that it is ready. */
const run = async (behaviour: string, { hasChannel }: { hasChannel: boolean }) => {
  const child = spawn(process.execPath, [program, behaviour], {
    stdio: ['ignore', 'pipe', 'pipe', ...(hasChannel ? ['ipc' as const] : [])],
  })
  const messages: unknown[] = []
  child.on('message', (message) => {
    messages.push(message)
    if (behaviour === 'serve-until-told') child.kill('SIGTERM')
  })
  if (!child.stdout || !child.stderr) throw new Error('unreachable: both are pipes')
  const [stdout, stderr, [code]] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, 'exit'),
  ])
  return { messages, stdout, stderr, code: Number(code) }
}

test('an app is ready where it says so, and closes in order when it is told to end', async () => {
  const ran = await run('serve-until-told', { hasChannel: true })

  expect(ran.messages).toEqual([{ type: 'ready', url: 'http://127.0.0.1:1' }])
  expect(ran).toMatchObject({ stdout: 'closed in order\n', stderr: '', code: 0 })
})

test('whoever started an app that can not run as it is configured is told the sentence', async () => {
  const ran = await run('refuse', { hasChannel: true })

  expect(ran.messages).toEqual([{ type: 'fatal', message: 'app: LOG_LEVEL must be a level' }])
  expect(ran).toMatchObject({ stderr: '', code: 1 })
})

test('without a channel the sentence goes to stderr, without a stack', async () => {
  const ran = await run('refuse', { hasChannel: false })

  expect(ran).toMatchObject({ stderr: 'app: LOG_LEVEL must be a level\n', code: 1 })
})

test.each([true, false])('a defect ends the process with its stack (channel: %s)', async (hasChannel) => {
  const ran = await run('defect', { hasChannel })

  expect(ran.messages).toEqual([])
  expect(ran.stderr).toMatch(/TypeError: what nobody thought of\n +at .*app-process\.ts:\d+/)
  expect(ran.code).toBe(1)
})

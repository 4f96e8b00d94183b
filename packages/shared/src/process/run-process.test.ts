import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { text } from 'node:stream/consumers'
import { describe, expect, test } from 'vitest'

const program = new URL('./fixtures/app-process.ts', import.meta.url).pathname

/** Runs the app with or without a channel, to its end. `onReady` is called when it says that it is, or that it starts. */
const run = async (
  behaviour: string,
  {
    hasChannel = true,
    onReady = (child) => child.kill('SIGTERM'),
  }: { hasChannel?: boolean; onReady?: (child: ReturnType<typeof spawn>) => unknown } = {},
) => {
  const child = spawn(process.execPath, [program, behaviour], {
    stdio: ['ignore', 'pipe', 'pipe', ...(hasChannel ? ['ipc' as const] : [])],
  })
  if (!child.stdout || !child.stderr) throw new Error('unreachable: both are pipes')
  const messages: unknown[] = []
  child.on('message', (message) => {
    messages.push(message)
    if (typeof message === 'object' && 'url' in message) onReady(child)
  })
  child.stdout.on('data', (data) => {
    if (String(data) === 'starting\n') onReady(child)
  })
  const [stdout, stderr, [code]] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, 'exit'),
  ])
  return { messages, stdout, stderr, code: Number(code) }
}

// each has a process of its own, and some wait for the seconds that an app has when it ends
describe.concurrent('a process', () => {
  test('an app is ready where it says so, and closes in order when it is told to end', async () => {
    const ran = await run('serve-until-told')

    expect(ran.messages).toEqual([{ type: 'ready', url: 'http://127.0.0.1:1' }])
    expect(ran).toMatchObject({ stdout: 'closes within 60 s\nclosed in order\n', stderr: '', code: 0 })
  })

  test('an app whose starter is gone ends soon, and not within its grace time', async () => {
    const ran = await run('serve-until-told', { onReady: (child) => child.disconnect() })

    expect(ran).toMatchObject({ stdout: 'closes within 2 s\nclosed in order\n', stderr: '', code: 0 })
  })

  test('an app that has nothing under way ends, whatever it waits for when it closes', async () => {
    const ran = await run('hang')

    expect(ran).toMatchObject({ stdout: 'closes within 60 s\n', stderr: '', code: 0 })
  })

  test('an app that has something under way has its grace time, and no longer than its starter lives', async () => {
    const ran = await run('busy', {
      onReady: (child) => {
        child.kill('SIGTERM')
        child.stdout?.once('data', () => child.disconnect())
      },
    })

    expect(ran).toMatchObject({ stdout: 'closes within 60 s\n', stderr: '', code: 0 })
  })

  test('a second SIGTERM changes nothing, a second Ctrl-C ends an app at once', async () => {
    const patient = await run('hang', {
      onReady: (child) => {
        child.kill('SIGTERM')
        child.stdout?.once('data', () => child.kill('SIGTERM'))
      },
    })
    const hurried = await run('busy', {
      onReady: (child) => {
        const again = setInterval(() => child.kill('SIGINT'), 50)
        child.once('exit', () => clearInterval(again))
      },
    })

    expect(patient.code).toBe(0)
    expect(hurried.code).toBe(130)
  })

  test.each(['start-until-told', 'start-for-ever'])(
    'an app that is told to end while it starts does: %s',
    async (how) => {
      const ran = await run(how)

      expect(ran.messages).toEqual([])
      expect(ran).toMatchObject({
        stdout: how === 'start-until-told' ? 'starting\ncloses within 60 s\nclosed in order\n' : 'starting\n',
        stderr: '',
        code: 0,
      })
    },
  )

  test('an app whose starter goes while it starts ends', async () => {
    const ran = await run('start-for-ever', { onReady: (child) => child.disconnect() })

    expect(ran).toMatchObject({ messages: [], code: 0 })
  })

  test.each(['refuse', 'fail-later'])(
    'whoever started an app that can not run as it is configured is told the sentence, also later: %s',
    async (how) => {
      const ran = await run(how, { onReady: () => undefined })

      const message = how === 'refuse' ? 'app: LOG_LEVEL must be a level' : 'app: Redis is too old'
      expect(ran.messages.at(-1)).toEqual({ type: 'fatal', message })
      expect(ran).toMatchObject({ stderr: '', code: 1 })
    },
  )

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
})

import { cp, mkdtemp, readdir, realpath, rm, symlink, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { root, shippedModel, startStack } from './support/stack.ts'
import type { Stack } from './support/stack.ts'

/** A worker whose repository is full of files that lie (tests/hostile), and one good model. */
let stack: Stack
let outside: string

beforeAll(async () => {
  stack = await startStack({ models: [], workers: 0 })
  outside = await realpath(await mkdtemp(join(tmpdir(), 'onqueue-outside-')))
})
afterAll(async () => {
  await stack.close()
  await rm(outside, { recursive: true })
})

const iris = shippedModel('iris')
const flower = { features: [5.1, 3.5, 1.4, 0.2] }

const cardOf = async (model: string) => {
  const { body } = await stack.client.get(`/v1/models/${model}`)
  return { status: body.status, reason: body.reason }
}
const until = <T>(look: () => Promise<T>) => expect.poll(look, { timeout: 30_000, interval: 50 })

test('hostile models are refused with their reasons, and the one beside them is served all the while', async () => {
  const names = (await readdir(join(root, 'tests/hostile'), { withFileTypes: true }))
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => name)
  const folder = await stack.modelsFolder([iris, ...names.map((name) => join(root, 'tests/hostile', name))])
  await writeFile(join(outside, 'secret.bin'), Buffer.alloc(32, 7))
  await symlink(join(outside, 'secret.bin'), join(folder, 'weights-by-a-link/w.bin'))
  await symlink(outside, join(folder, 'linked'))
  await writeFile(join(outside, 'model.onnx'), 'x')
  // a graph of 2.4 GB of which there is a part; check-whole.test.ts has one of more than 2 GB
  const cutOff = await stack.modelsFolder([])
  await writeFile(join(cutOff, 'model.onnx'), Buffer.from('08083a80b0b4f808', 'hex'))
  await truncate(join(cutOff, 'model.onnx'), 200_000_000)
  await symlink(cutOff, join(folder, 'cut-off'))

  const worker = await stack.startWorker({ ONQUEUE_MODELS_DIR: folder, ONQUEUE_MODELS_LINKS: cutOff })
  await stack.client.untilServed('iris')
  await Promise.all([
    until(() => cardOf('ends-its-process')).toEqual({
      status: 'unavailable',
      reason: expect.stringMatching(/^its executor was ended by SIGFPE .*; [5-9] tries in a row have failed/),
    }),
    ...names
      .filter((name) => name !== 'ends-its-process')
      .map((name) =>
        until(() => cardOf(name)).toEqual({
          status: 'refused',
          reason: expect.stringMatching(/\w+ \w+ \w+/),
        }),
      ),
    until(() => cardOf('cut-off')).toEqual({
      status: 'refused',
      reason: 'the file is cut off: it has 200000000 bytes of 2400000008 or more; copy it again',
    }),
  ])
  const linked = await cardOf('linked')
  const byLink = await cardOf('weights-by-a-link')
  const answer = await stack.client.predict('iris', flower)
  const health = await fetch(`${worker.url}/livez`)

  expect(linked).toEqual({
    status: 'refused',
    reason: `linked is a link to ${outside}, out of the models folder: copy what is there, or allow it with ONQUEUE_MODELS_LINKS`,
  })
  expect(byLink.reason).toMatch(/^weights-by-a-link\/w\.bin is a link to .*, out of the models folder/)
  expect(answer).toMatchObject({ status: 200, body: { prediction: 'setosa' } })
  expect(health.status).toBe(200)
})

test('what ends every executor that loads it is answered like what is refused, and tried all the while', async () => {
  const folder = await stack.modelsFolder([])
  await cp(join(root, 'tests/hostile/ends-its-process'), join(folder, 'deadly'), { recursive: true })
  await stack.startWorker({ ONQUEUE_MODELS_DIR: folder })
  const triesOf = async (model: string) =>
    Number(/; (\d+) tries/.exec(String((await cardOf(model)).reason))?.[1])
  await until(() => cardOf('deadly')).toEqual({
    status: 'unavailable',
    reason: expect.stringMatching('SIGFPE'),
  })
  const tries = await triesOf('deadly')

  const awaited = await stack.client.predict('deadly', { i: 1 })
  const queued = await stack.client.submit('deadly', { i: 1 })

  const sentence =
    /^model "deadly" can't be served for now: its executor was ended by SIGFPE \(.*: give an example in model.yaml, or export the model again\) while it loaded the model; \d tries in a row have failed, and it is tried again$/
  const refused = {
    status: 503,
    body: { code: 'model_unavailable', detail: expect.stringMatching(sentence) },
  }
  expect([awaited, queued]).toMatchObject([refused, refused])
  expect(queued.headers.get('retry-after')).toBe('60')
  await until(() => triesOf('deadly')).toBeGreaterThan(tries)
})

test('links below a folder of ONQUEUE_MODELS_LINKS are followed', async () => {
  const folder = await stack.modelsFolder([])
  await symlink(iris, join(folder, 'linked-iris'))

  await stack.startWorker({
    ONQUEUE_MODELS_DIR: folder,
    ONQUEUE_MODELS_LINKS: `/nowhere,${join(root, 'models')}`,
  })

  await stack.client.untilServed('linked-iris')
  expect(await stack.client.predict('linked-iris', flower)).toMatchObject({ status: 200 })
})

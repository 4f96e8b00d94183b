import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { connect, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { afterAll, afterEach, beforeAll, beforeEach, expect, onTestFinished, test } from 'vitest'
import { runForTest } from '../support/running-program.ts'
import { root, shippedModel, startStack } from '../support/stack.ts'
import type { Stack } from '../support/stack.ts'
import { parseLines } from './batcher.ts'

let stack: Stack
let folder: string

beforeAll(async () => {
  stack = await startStack({ models: [shippedModel('iris')] })
})
afterAll(() => stack.close())
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'onqueue-command-'))
  await writeFile(join(folder, 'rows.csv'), rows)
})
afterEach(() => rm(folder, { recursive: true }))

const rows =
  'sepal_length,sepal_width,petal_length,petal_width\n5.1,3.5,1.4,0.2\n6.7,3.1,4.7,1.5\n7.2,3.6,6.1,2.5\n'
const program = join(root, 'scripts/batch.ts')

const start = (args: string[], { url = stack.url } = {}) =>
  runForTest(process.execPath, [program, ...args], { cwd: folder, env: { ONQUEUE_URL: url } })
const run = async (args: string[], options?: { url?: string }) => {
  const child = start(args, options)
  return { exitCode: await child.exited, said: child.output() }
}
const read = (name: string) => readFile(join(folder, name), 'utf8')
const species = async (name: string) => parseLines(await read(name)).map(({ prediction }) => prediction)
const allSpecies = ['setosa', 'versicolor', 'virginica']

test('a file is scored into another one, whose name has the format', async () => {
  const { exitCode, said } = await run(['iris', 'rows.csv', '-o', 'out.jsonl'])

  expect(said).toMatch(/^batch batch-iris-\w{26} was made\.$/m)
  expect(said).toMatch(/^3 rows scored\.$/m)
  expect(exitCode).toBe(0)
  expect(await species('out.jsonl')).toEqual(allSpecies)
  expect(await readdir(folder)).toEqual(['out.jsonl', 'rows.csv'])
})

test('rows come from stdin, and outputs go to stdout alone', async () => {
  const child = spawn(process.execPath, [program, 'iris', '-', '-o', '-', '--input-format', 'csv'], {
    env: { ...process.env, ONQUEUE_URL: stack.url },
    stdio: ['pipe', 'pipe', 'ignore'],
  })
  child.stdin.end(rows)

  const lines = (await text(child.stdout)).trimEnd().split('\n')

  expect(lines[0]).toMatch(/^row,prediction,/)
  expect(lines).toHaveLength(4)
})

test('rows that fail are counted, and are in the errors', async () => {
  await writeFile(join(folder, 'rows.csv'), `${rows}5.1,wide,1.4,0.2\n`)

  const { exitCode, said } = await run(['iris', 'rows.csv', '-o', 'out.jsonl', '--errors', 'bad.jsonl'])

  expect(said).toMatch(/^4 rows scored\. 1 row failed: \S*bad\.jsonl has each with the reason\.$/m)
  expect(exitCode).toBe(0)
  expect(parseLines(await read('bad.jsonl'))).toMatchObject([{ row: 3, line: 5, code: 'invalid_input' }])
  expect(await species('out.jsonl')).toEqual([...allSpecies, null])
})

test('a batch that fails is told with its error, and leaves no output', async () => {
  await writeFile(join(folder, 'rows.csv'), `${rows}5.1,wide,1.4,0.2\n`)

  const { exitCode, said } = await run(['iris', 'rows.csv', '-o', 'out.jsonl', '--max-failed-rows', '0'])

  expect(said).toContain('the batch has failed: ')
  expect(exitCode).toBe(1)
  expect(await readdir(folder)).toEqual(['rows.csv'])
})

test.each([
  ['another model', ['tulip', 'rows.csv'], 'model "tulip" is not here'],
  ['a column that is not there', ['iris', 'rows.csv', '--id-column', 'name'], 'lacks "name", the id column'],
  ['a file that is not there', ['iris', 'row.csv'], 'there is no file "'],
  ['a folder', ['iris', '.', '--input-format', 'csv'], 'is a folder: give a file of rows'],
  ['another server', ['iris', 'rows.csv', '--url', 'http://127.0.0.1:2'], 'start the server with npm start'],
  [
    'a port that nobody asks',
    ['iris', 'rows.csv', '--url', 'http://127.0.0.1:1'],
    'see to --url or ONQUEUE_URL',
  ],
  ['no server at all', ['iris', 'rows.csv', '--url', 'localhost'], 'is no address of a server'],
  [
    'a folder that is not there',
    ['iris', 'rows.csv', '-o', 'no/out.csv'],
    'make its folder one that is there',
  ],
  ['its own file', ['iris', 'rows.csv', '-o', 'rows.csv'], 'would replace the file of rows'],
  ['a batch that is not there', ['--resume', 'batch-iris-1'], 'no such batch'],
])('%s is refused in a sentence', async (_, args, sentence) => {
  const { exitCode, said } = await run(['-o', 'out.jsonl', ...args])

  expect(said).toContain(sentence)
  expect(said).not.toContain('should not have')
  expect(exitCode).toBe(2)
})

test('whoever leaves is told how to come back, and finds the output', async () => {
  await stack.workers[0]?.stop()
  const left = start(['iris', 'rows.csv', '-o', 'out.jsonl', '--errors', 'bad.jsonl'])
  await left.line(/waiting for its turn/)
  left.kill('SIGINT')

  expect(await left.exited).toBe(130)
  const [, comeBack = ''] = /^ {2}npm run batch -- (.*)$/m.exec(left.output()) ?? []
  expect(comeBack).toMatch(/^--resume batch-iris-\w+ -o out\.jsonl --errors bad\.jsonl$/)
  await stack.startWorker()
  expect(await run(comeBack.split(' '))).toMatchObject({ exitCode: 0 })
  expect(await species('out.jsonl')).toEqual(allSpecies)
  expect(await read('bad.jsonl')).toBe('')
})

test('where the answer to the upload is lost it is sent again, and makes no second batch', async () => {
  const before = (await stack.client.get('/v1/batches')).body.results.length
  const line = await cutOffOnce({ after: 'HTTP/1.1 202' })

  const { exitCode, said } = await run(['iris', 'rows.csv', '-o', 'out.jsonl'], line)

  expect(said).toContain('it is tried again')
  expect(exitCode).toBe(0)
  expect(await species('out.jsonl')).toEqual(allSpecies)
  expect((await stack.client.get('/v1/batches')).body.results).toHaveLength(before + 1)
})

test('a connection that is lost while it watches, or collects, is made again', async () => {
  const watching = await run(
    ['iris', 'rows.csv', '-o', 'a.jsonl'],
    await cutOffOnce({ after: '"object":"batch"', times: 2 }),
  )
  const collecting = await run(['iris', 'rows.csv', '-o', 'b.jsonl'], await cutOffOnce({ after: '{"row":1' }))

  expect(watching).toMatchObject({ exitCode: 0, said: expect.stringContaining('the batch goes on') })
  expect(collecting).toMatchObject({
    exitCode: 0,
    said: expect.stringContaining('reading goes on from there'),
  })
  expect(await read('b.jsonl')).toBe(await read('a.jsonl'))
})

/** A line to the API that breaks once the server has said this, which is lost then; later ones are whole. */
const cutOffOnce = async ({ after, times = 1 }: { after: string; times?: number }) => {
  let seen = 0
  const server = createServer((client) => {
    const upstream = connect(Number(new URL(stack.url).port), '127.0.0.1')
    client.pipe(upstream)
    upstream.on('data', (bytes) => {
      const at = bytes.indexOf(after)
      if (at >= 0 && (seen += 1) === times) {
        client.write(bytes.subarray(0, at))
        client.destroySoon()
        upstream.destroy()
      } else client.write(bytes)
    })
    for (const socket of [client, upstream]) {
      socket.on('error', () => undefined)
      socket.on('close', () => (client.destroySoon(), upstream.destroy()))
    }
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  onTestFinished(() => void server.close())
  const address = server.address()
  return { url: `http://127.0.0.1:${typeof address === 'object' ? address?.port : ''}` }
}

import { spawnSync } from 'node:child_process'
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { runForTest } from '../support/running-program.ts'
import { root, shippedModel, startStack } from '../support/stack.ts'
import type { Stack } from '../support/stack.ts'
import { createBatcher, parseLines } from './batcher.ts'

/** What docs/batches.md says to type, and the programs that it has, as they stand there. */
let stack: Stack
let folder: string
let blocks: { language: string; text: string }[]

beforeAll(async () => {
  stack = await startStack({ models: [shippedModel('iris')] })
  const page = await readFile(join(root, 'docs/batches.md'), 'utf8')
  blocks = [...page.matchAll(/^```(\w+)\n(.*?)^```/gms)].map(([, language = '', text = '']) => ({
    language,
    text: text.replaceAll('http://127.0.0.1:8080', stack.url),
  }))
})
afterAll(() => stack.close())
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'onqueue-docs-'))
  await cp(join(root, 'examples'), join(folder, 'examples'), { recursive: true })
})
afterEach(() => rm(folder, { recursive: true }))

const blockWith = (language: string, text: string) => {
  const found = blocks.filter((block) => block.language === language && block.text.includes(text))
  expect(found).toHaveLength(1)
  return found[0]?.text ?? ''
}
const run = async (command: string, args: string[], env: NodeJS.ProcessEnv = {}) => {
  const child = runForTest(command, args, { cwd: folder, env })
  const exitCode = await child.exited
  return { exitCode, said: child.output() }
}
const has = (command: string, ...args: string[]) => spawnSync(command, args).status === 0
const flowers = ['setosa', 'versicolor', 'virginica']
const expectFlowers = (lines: { prediction: string }[], names: string[] = flowers) =>
  expect([...new Set(lines.map(({ prediction }) => prediction))].toSorted()).toEqual(names)

test('the first command', async () => {
  const command = blockWith('sh', 'npm run batch -- iris')
  const [, args = ''] = /^npm run batch -- (.*)$/m.exec(command) ?? []

  const { exitCode, said } = await run(
    process.execPath,
    [join(root, 'scripts/batch.ts'), ...args.split(' ')],
    { ONQUEUE_URL: stack.url },
  )

  expect({ exitCode, said }).toMatchObject({ exitCode: 0 })
  const lines = parseLines(await readFile(join(folder, 'scored.jsonl'), 'utf8'))
  expect(lines[0]).toMatchObject({ row: 0, id: expect.any(String), prediction: expect.any(String) })
  expectFlowers(lines)
})

describe.runIf(has('curl', '--version'))('curl', () => {
  test('makes a batch, reads it, and waits for its output', async () => {
    const made = await run('sh', ['-ec', blockWith('sh', '--data-binary')])
    const batch = JSON.parse(made.said)
    const waited = await run('sh', ['-ec', blockWith('sh', 'output?wait')], { BATCH: batch.id })
    await createBatcher(stack.url).untilEnded(batch.id)
    const [status, output, errors, cancel] = blockWith('sh', '/cancel').trimEnd().split('\n')

    const answers = await Promise.all(
      [status, output, errors, cancel].map((line = '') => run('sh', ['-ec', line], { BATCH: batch.id })),
    )

    const [readBack, scored, failed, canceled] = answers.map(({ said }) => said)
    expect(JSON.parse(readBack ?? '')).toMatchObject({ id: batch.id, status: 'completed' })
    expectFlowers(parseLines(scored ?? ''))
    expect(failed).toBe('')
    expect(JSON.parse(canceled ?? '')).toMatchObject({ id: batch.id, status: 'completed' })
    expect(scored?.startsWith(waited.said)).toBe(true)
    expect(parseLines(waited.said)).toHaveLength(1)
  })
})

test('the program in TypeScript', async () => {
  await writeFile(join(folder, 'score.mts'), blockWith('ts', 'openAsBlob'))

  const { exitCode, said } = await run(process.execPath, ['score.mts'])

  expect({ exitCode, said }).toMatchObject({ exitCode: 0, said: expect.stringContaining('completed') })
  expect(await readFile(join(folder, 'scored.csv'), 'utf8')).toMatch(/^row,id,prediction,/)
})

const hasRequests = has('python3', '-c', 'import requests')
if (!hasRequests)
  console.warn('the Python of docs/batches.md is not tested: there is no python3 with requests on the PATH')

test.runIf(hasRequests)('the program in Python', async () => {
  await writeFile(join(folder, 'score.py'), blockWith('python', 'import time, requests'))

  const { exitCode, said } = await run('python3', ['score.py'])

  expect({ exitCode, said }).toMatchObject({ exitCode: 0, said: expect.stringContaining('completed') })
  expectFlowers(parseLines(await readFile(join(folder, 'scored.jsonl'), 'utf8')))
})

test.runIf(has('python3', '-c', 'import numpy'))('the line in Python that reads a vector', async () => {
  const line = blockWith('python', 'np.frombuffer').trim()
  const program = `import base64, numpy as np\nrow = {"y": "AACAPwAAIMA="}\n${line}\nprint(vector.tolist())`

  expect(await run('python3', ['-c', program])).toMatchObject({
    exitCode: 0,
    said: expect.stringContaining('[1.0, -2.5]'),
  })
})

test('no block of the page is left untried', () => {
  expect(blocks.map(({ language }) => language)).toEqual(['sh', 'sh', 'sh', 'python', 'sh', 'python', 'ts'])
})

import { cp, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { z } from 'zod'
import { checkModels } from './check-models.ts'
import type { CheckedVersion } from './check-version.ts'
import { findVersions } from './find-versions.ts'
import { showChecks } from './show-checks.ts'

const root = join(import.meta.dirname, '../..')
const casesSchema = z.object({ cases: z.array(z.unknown()) })
let dir = ''
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'onqueue-check-'))
})
afterAll(() => rm(dir, { recursive: true }))

const check = async (path: string): Promise<CheckedVersion> => {
  const [checked, ...others] = await checkModels(await findVersions(path), {
    signal: new AbortController().signal,
  })
  if (!checked || others.length > 0) throw new Error('there is not one version')
  return checked
}

/** A copy of a model with other files beside it. */
const copyOf = async (model: string, name: string, files: Record<string, unknown>) => {
  const folder = join(dir, name)
  await cp(join(root, model), folder, { recursive: true })
  for (const [file, content] of Object.entries(files))
    await writeFile(join(folder, file), typeof content === 'string' ? content : JSON.stringify(content))
  return folder
}

const sentences = (checked: CheckedVersion) => showChecks([checked]).join('\n')

test('a model is ready whose golden cases come out, alone and with others', async () => {
  const checked = await check(join(root, 'models/iris'))

  expect(checked).toMatchObject({
    model: 'iris',
    version: '1',
    status: 'ready',
    reason: null,
    exampleProblem: null,
    golden: { cases: 66, passed: 66, failures: [] },
    found: { interface: { task: 'tabular-classification', batching: { enabled: true, maxRows: 64 } } },
  })
  expect(sentences(checked)).toMatch(
    /^iris\/1 +ready +tabular-classification +up to 64 rows +[\d.]+ +[\d.]+ \(64 rows\) +\d+ MB +0 +66\/66$/m,
  )
})

test('a wrong answer is pointed at', async () => {
  const probabilities = { setosa: 0.9815929, versicolor: 0.0184071, virginica: 1.47e-8 }
  const input = { features: [5.1, 3.5, 1.4, 0.2] }
  const right = { input, output: { prediction: 'setosa', probabilities } }
  const wrong = {
    input,
    output: { prediction: 'setosa', probabilities: { ...probabilities, versicolor: 0.5 } },
  }
  const folder = await copyOf('models/iris', 'wrong-answer', { 'golden.json': [right, wrong] })

  const checked = await check(folder)

  expect(checked).toMatchObject({
    status: 'wrong',
    golden: {
      cases: 2,
      passed: 1,
      failures: [
        {
          case: 1,
          pointer: '/probabilities/versicolor',
          detail: expect.stringMatching(/^expected 0.5, got 0.018/),
        },
      ],
    },
  })
  expect(sentences(checked)).toContain('golden case 1: at /probabilities/versicolor expected 0.5, got 0.018')
})

test('a case may have several rows, and then has as many answers', async () => {
  const row = { i: 3 }
  const golden = [
    { input: [row, { i: 4 }], output: [{ y: 3 }, { y: 4 }] },
    { input: [row, { i: 4 }], output: [{ y: 3 }, { y: 5 }] },
  ]

  const { golden: report } = await check(
    await copyOf('tests/models/crashes', 'several-rows', { 'golden.json': golden }),
  )

  expect(report).toEqual({
    cases: 2,
    passed: 1,
    failures: [{ case: 1, pointer: '/1/y', detail: 'expected 5, got 4' }],
  })
})

test('an input that the model refuses is a case that fails', async () => {
  const golden = [{ input: { features: [1, 2] }, output: {} }]

  const { golden: report } = await check(
    await copyOf('models/iris', 'refused-input', { 'golden.json': golden }),
  )

  expect(report.failures).toEqual([
    { case: 0, pointer: '', detail: 'invalid_input: /features: must have 4 values' },
  ])
})

test('an answer that other rows of its run change is told, though it is right alone', async () => {
  const folder = await copyOf('tests/models/softmax-axis0', 'not-independent', {
    'model.yaml': 'rows: first\nbatching: { rows: independent }\n',
    'golden.json': [
      { input: { x: [1, 2, 3] }, output: { y: [1, 1, 1] } },
      { input: { x: [4, 5, 6] }, output: { y: [1, 1, 1] } },
    ],
  })

  const checked = await check(folder)

  const { status, golden } = checked
  expect(status).toBe('wrong')
  expect(sentences(checked)).toMatch(/^ {2}warning: rows are not independent/m)
  expect(golden.failures).toHaveLength(2)
  expect(golden.failures[0]).toMatchObject({
    pointer: '/y/0',
    detail: expect.stringContaining('(in a run with other rows; alone it is right)'),
  })
})

test('a row that a run of several loses is run again, as in a worker', async () => {
  const { cases } = casesSchema.parse(
    JSON.parse(await readFile(join(root, 'tests/models-as-exported/tfidf-stop-words/cases.json'), 'utf8')),
  )
  const folder = await copyOf('tests/models-as-exported/tfidf-stop-words', 'stop-words', {
    'golden.json': cases,
  })

  const { status, golden } = await check(folder)

  expect(golden).toEqual({ cases: 12, passed: 12, failures: [] })
  expect(status).toBe('ready')
})

test('a row that ends the executor fails its case and those after it, and the check goes on', async () => {
  const golden = [
    { input: { i: 1 }, output: { y: 1 } },
    { input: { i: 999 }, output: { y: 999 } },
    { input: { i: 2 }, output: { y: 2 } },
  ]

  const checked = await check(await copyOf('tests/models/crashes', 'crashing-row', { 'golden.json': golden }))

  expect(checked.status).toBe('wrong')
  expect(checked.golden).toEqual({
    cases: 3,
    passed: 1,
    failures: [{ case: 1, pointer: '', detail: 'the executor was ended by SIGFPE' }],
  })
  expect(sentences(checked)).toContain('golden: 1 more case is not run after that.')
})

test('a model that ends its executor while it loads is a row with the reason', async () => {
  const folder = await copyOf('tests/models/crashes', 'crashing-load', {
    'model.yaml': 'example: { i: 999 }\n',
  })

  const checked = await check(folder)

  expect(checked).toMatchObject({
    status: 'not loaded',
    reason: 'the executor was ended by SIGFPE',
    found: null,
  })
  expect(sentences(checked)).toMatch(/^crashing-load\/1 +not loaded$/m)
  expect(sentences(checked)).toContain('A worker would try it again and again.')
})

test('what a worker refuses is refused, with its sentence', async () => {
  const checked = await check(join(root, 'tests/models-as-exported/opset-6'))

  expect(checked.status).toBe('refused')
  expect(sentences(checked)).toContain(
    'refused: it was exported with opset 6, and this ONNX Runtime starts at 7: export it again with a newer one.',
  )
})

test('why rows run alone is said, with what to do about it', async () => {
  const checked = await check(join(root, 'tests/models/fixed-one'))

  expect(checked.status).toBe('ready')
  expect(sentences(checked)).toContain(
    'rows run alone: its first axis is fixed to one row. What to do: export it with a dynamic first axis.',
  )
})

test('a golden.json that is none makes a model wrong', async () => {
  const checked = await check(await copyOf('tests/models/echo', 'bad-golden', { 'golden.json': '[]' }))

  expect(checked.status).toBe('wrong')
  expect(sentences(checked)).toContain('wrong: golden.json has no cases.')
})

test('a model that takes no made-up row says so of its example', async () => {
  // it lacks an attribute that it needs whatever it is given
  const folder = await copyOf('tests/onnx-backend/cases/test_mod_float32_mixed_sign_fmod_0', 'takes-none', {})

  const checked = await check(folder)

  expect(checked.exampleProblem).toMatch(/^the model failed: fmod was false/)
  expect(sentences(checked)).toContain("its example can't be run: the model failed: fmod was false.")
})

test('of many wrong cases the first ones are shown, and the rest is counted', async () => {
  const wrong = Array.from({ length: 7 }, (_, i) => ({ input: { i }, output: { y: i + 1 } }))

  const checked = await check(await copyOf('tests/models/crashes', 'all-wrong', { 'golden.json': wrong }))

  expect(sentences(checked).match(/golden case/g)).toHaveLength(5)
  expect(sentences(checked)).toContain('golden: 2 more cases are wrong, too.')
})

test('what the machine can not read for now is told, and where it is told to end nothing more is loaded', async () => {
  const folder = await copyOf('tests/models/echo', 'unreadable', {})
  await rm(join(folder, 'model.onnx'))
  // is there, and fails to be read, as on a disk that fails
  await symlink('/proc/self/mem', join(folder, 'model.onnx'))
  const { signal } = new AbortController()

  const unread = await checkModels(await findVersions(folder, { links: ['/proc'] }), { signal })
  const ended = await checkModels(await findVersions(join(root, 'tests/models')), {
    signal: AbortSignal.abort(),
  })

  expect(unread).toMatchObject([
    { model: 'unreadable', status: 'unread', reason: expect.stringContaining('EIO') },
  ])
  expect(ended).toEqual([])
})

import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { readOnnxSource } from '../onnx-file/onnx-source.ts'
import { readModelSettings } from '../repository/read-model-settings.ts'
import { chooseTask } from '../tasks/choose-task.ts'
import type { Task } from '../tasks/task.ts'
import { findRowLayout } from '../tensors/row-layout.ts'
import { openModelSession } from './model-session.ts'
import { RunFailed } from './run-failed.ts'
import { createRunRows } from './run-rows.ts'

/** Runs rows of a test model (tests/models/README.md) with its task changed as given. */
const openModel = async (name: string, change: (task: Task) => Partial<Task>) => {
  const onnxPath = fileURLToPath(new URL(`../../../../tests/models/${name}/model.onnx`, import.meta.url))
  const source = await readOnnxSource({ onnxPath, wantsClassLabels: false })
  const session = await openModelSession({ source, onnxPath, threads: 1, providers: ['cpu'] })
  const layout = findRowLayout(session.signature)
  const task = chooseTask(readModelSettings('')).create({ signature: session.signature, layout })
  return createRunRows({ session, layout, task: { ...task, ...change(task) }, maxRows: 8 })
}

test('each row is encoded once, also where a run is filled up', async () => {
  const encoded: unknown[] = []
  const runRows = await openModel('fixed-eight', (task) => ({
    encode: (rows) => {
      encoded.push(...rows)
      return task.encode(rows)
    },
  }))
  const rows = Array.from({ length: 11 }, (_, index) => ({ x: [index, 0, 0, 1] }))

  const results = await runRows(rows)

  expect(encoded).toEqual(rows)
  expect(results).toEqual(rows.map((_, index) => ({ ok: true, output: { y: [index + 4.5, index - 1.5] } })))
})

test('rows are run when they are encoded, however long that takes, and keep their order', async () => {
  const later = <Value>(value: Value) => new Promise<Value>((resolve) => setImmediate(resolve, value))
  const runRows = await openModel('two-inputs', (task) => ({
    encode: async (rows) => later(task.encode(rows)),
  }))

  const results = await runRows([
    { a: [1, 2], b: 3 },
    { a: [1], b: 3 },
    { a: [0.5, 1], b: 10 },
  ])

  expect(results).toEqual([
    { ok: true, output: { total: 6, doubled: 6 } },
    { ok: false, code: 'invalid_input', detail: '/a: must have 2 elements' },
    { ok: true, output: { total: 11.5, doubled: 20 } },
  ])
})

test('a task that gives fewer rows than there were fails those that it lost', async () => {
  const runRows = await openModel('fixed-eight', (task) => ({
    decode: (outputs, rowCount) => task.decode(outputs, rowCount).slice(1),
  }))

  expect(await runRows([{ x: [0, 0, 0, 0] }, { x: [1, 0, 0, 0] }])).toEqual([
    { ok: true, output: { y: [1.5, 0.5] } },
    { ok: false, code: 'inference_failed', detail: 'the executor lost this row' },
  ])
})

test('a run of several rows that loses one has failed, and a row that is lost alone is told', async () => {
  const stopWord = '../onnx-backend/cases/test_strnormalizer_export_monday_casesensintive_lower'
  const runRows = await openModel(stopWord, () => ({}))

  const together = runRows([{ x: 'monday' }, { x: 'Tuesday' }])

  const detail = 'output y does not have one element for each row'
  await expect(together).rejects.toThrow(new RunFailed(`the model failed: ${detail}`))
  expect(await runRows([{ x: 'Tuesday' }])).toEqual([{ ok: true, output: { y: 'tuesday' } }])
  expect(await runRows([{ x: 'monday' }])).toEqual([{ ok: false, code: 'invalid_output', detail }])
})

import { afterAll, beforeAll, expect, test } from 'vitest'
import { createUploader } from '../files/uploader.ts'
import { shippedModel, startStack, testModel } from '../support/stack.ts'
import type { Stack } from '../support/stack.ts'
import { createBatcher, parseLines } from './batcher.ts'
import type { Batcher } from './batcher.ts'

let stack: Stack
let batcher: Batcher

beforeAll(async () => {
  stack = await startStack({ models: [shippedModel('iris'), testModel('throws')] })
  batcher = createBatcher(stack.url)
})
afterAll(() => stack.close())

const flowers = [
  { sepal_length: 5.1, sepal_width: 3.5, petal_length: 1.4, petal_width: 0.2 },
  { sepal_length: 6.7, sepal_width: 3.1, petal_length: 4.7, petal_width: 1.5 },
  { sepal_length: 7.2, sepal_width: 3.6, petal_length: 6.1, petal_width: 2.5 },
]
const asLines = (rows: object[]) => rows.map((features) => `${JSON.stringify({ features })}\n`).join('')
const asCsv = (rows: object[]) =>
  [Object.keys(rows[0] ?? {}), ...rows.map((row) => Object.values(row))]
    .map((cells) => `${cells.join(',')}\n`)
    .join('')

test('a file of lines becomes one of outputs, a row for each row, in their order', async () => {
  const { status, headers, body: created } = await batcher.submit('iris', asLines(flowers))

  expect(status).toBe(202)
  expect(headers.get('location')).toBe(`/v1/batches/${created.id}`)
  expect(created).toMatchObject({
    object: 'batch',
    id: expect.stringMatching(/^batch-iris-[0-9A-HJKMNP-TV-Z]{26}$/),
    model: 'iris',
    version: '1',
    input_format: 'jsonl',
    output_format: 'jsonl',
    error: null,
  })
  const ended = await batcher.untilEnded(created.id)
  expect(ended).toMatchObject({
    status: 'completed',
    counts: { total: 3, completed: 3, failed: 0, pending: 0 },
    output_file: { is_complete: true },
    errors_file: { bytes: 0 },
  })
  const output = await batcher.output(created.id)
  const direct = await stack.client.predict('iris', { features: flowers[1] })
  const rows = parseLines(output)
  expect(rows.map(({ row, prediction }) => [row, prediction])).toEqual([
    [0, 'setosa'],
    [1, 'versicolor'],
    [2, 'virginica'],
  ])
  // of one row, and of three that run together, up to the last bits
  const { prediction, probabilities } = direct.body
  expect(rows[1]).toMatchObject({ row: 1, prediction })
  for (const [name, probability] of Object.entries(probabilities))
    expect(rows[1].probabilities[name]).toBeCloseTo(Number(probability), 5)
  expect(ended.output_file.bytes).toBe(Buffer.byteLength(output))
})

test('a file of columns is read by their names, and another format comes out where it is asked for', async () => {
  const csv = asCsv(flowers.map((row, index) => ({ name: `f${index}`, ...row })))
  const { body: asTable } = await batcher.submit('iris', csv, { format: 'csv', query: '?id_column=name' })
  const { body: lines } = await batcher.submit('iris', csv, { format: 'csv', query: '?output_format=jsonl' })

  await batcher.untilEnded(asTable.id)
  await batcher.untilEnded(lines.id)

  const [header, first] = (await batcher.output(asTable.id)).split('\n')
  expect(header).toMatch(/^row,id,prediction,/)
  expect(first).toMatch(/^0,f0,setosa,/)
  expect(parseLines(await batcher.output(lines.id)).map(({ prediction }) => prediction)).toEqual([
    'setosa',
    'versicolor',
    'virginica',
  ])
})

test('a file that was uploaded before is scored, and stays while it is', async () => {
  const { body: file } = await createUploader(stack.url).upload(asCsv(flowers), {
    query: '?filename=flowers.csv',
  })

  const { status, body } = await batcher.submitFile('iris', { input_file: file.id, output_format: 'jsonl' })
  expect(status).toBe(202)
  expect(body).toMatchObject({ input_file: file.id, input_format: 'csv' })
  await batcher.untilEnded(body.id)

  expect(parseLines(await batcher.output(body.id))).toHaveLength(3)
  await expect.poll(async () => (await createUploader(stack.url).remove(file.id)).status).toBe(204)
})

test('a row that is bad costs that row, and the errors say which line it was and why', async () => {
  const { body } = await batcher.submit(
    'iris',
    `${asLines(flowers.slice(0, 1))}{"features": [1]}\nnonsense\n${asLines(flowers.slice(1))}`,
  )

  const ended = await batcher.untilEnded(body.id)

  expect(ended).toMatchObject({ status: 'completed', counts: { total: 5, completed: 3, failed: 2 } })
  const rows = parseLines(await batcher.output(body.id))
  expect(rows.map((row) => row.error_code ?? row.prediction)).toEqual([
    'setosa',
    'invalid_input',
    'invalid_input',
    'versicolor',
    'virginica',
  ])
  expect(await batcher.errors(body.id)).toMatchObject([
    { row: 1, line: 2, code: 'invalid_input', pointer: '/features', input: '{"features": [1]}' },
    { row: 2, line: 3, code: 'invalid_input', input: 'nonsense' },
  ])
})

test('more failed rows than it may have end a batch', async () => {
  const { body } = await batcher.submit('iris', `nonsense\n${asLines(flowers)}`, {
    query: '?max_failed_rows=0',
  })

  const ended = await batcher.untilEnded(body.id)

  expect(ended).toMatchObject({ status: 'failed', error: { code: 'too_many_failed_rows' } })
})

import { expect, test } from 'vitest'
import { createJsonlParser } from './jsonl-reader.ts'
import { openModel, scoreText } from './score-model.fixture.ts'

const iris = await openModel('models/iris')
const throws = await openModel('tests/models/throws')

const probabilities = {
  setosa: expect.closeTo(0.9815929, 6),
  versicolor: expect.closeTo(0.0184071, 6),
  virginica: expect.closeTo(1.4701e-8, 10),
}
const setosa = '{"features":[5.1,3.5,1.4,0.2]}'

test('a line of JSONL becomes a row of the output', async () => {
  const { score, lines, output, errors } = await scoreText(iris, `${setosa}\n${setosa}`)

  expect(lines).toEqual([0, 1].map((row) => ({ row, prediction: 'setosa', probabilities })))
  expect(output).toMatch(/^\{"row":0,"prediction":"setosa","probabilities":\{"setosa":0\.98/)
  expect(errors).toEqual([])
  expect(score).toMatchObject({ rows: 2, failed: 0, bytes: output.length, errorBytes: 0, isStopped: false })
})

test('a bad row costs one row, which keeps its place, and is told of with its line and place', async () => {
  const text = [setosa, '', '{"features":[5.1,"x",1.4,0.2]}', 'nonsense', setosa].join('\n')

  const { score, lines, errors } = await scoreText(iris, text)

  expect(lines).toEqual([
    { row: 0, prediction: 'setosa', probabilities: expect.anything() },
    { row: 1, prediction: null, probabilities: null, error_code: 'invalid_input' },
    { row: 2, prediction: null, probabilities: null, error_code: 'invalid_input' },
    { row: 3, prediction: 'setosa', probabilities: expect.anything() },
  ])
  expect(errors).toEqual([
    {
      row: 1,
      line: 3,
      code: 'invalid_input',
      detail: 'must be a number',
      pointer: '/features/1',
      offset: 32,
      input: '{"features":[5.1,"x",1.4,0.2]}',
    },
    {
      row: 2,
      line: 4,
      code: 'invalid_input',
      detail: 'is not JSON; a line is one input, such as {"features": …}',
      pointer: '',
      offset: 63,
      input: 'nonsense',
    },
  ])
  expect(score).toMatchObject({ rows: 4, failed: 2 })
})

test('rows run in micro-batches that are cut from the beginning of the chunk', async () => {
  const { ats } = await scoreText(iris, `${setosa}\n`.repeat(10), { microBatchRows: 4 })

  expect(ats).toEqual([
    [0, 4],
    [4, 4],
    [8, 2],
  ])
})

test('where the model throws its rows run singly, and the guilty one fails', async () => {
  const { lines, errors, ats } = await scoreText(throws, '{"i":1}\n{"i":99}\n{"i":3}\n')

  expect(lines).toEqual([
    { row: 0, value: 10 },
    { row: 1, value: null, error_code: 'inference_failed' },
    { row: 2, value: 30 },
  ])
  expect(errors).toMatchObject([
    { row: 1, line: 2, code: 'inference_failed', detail: expect.stringContaining('out of data bounds') },
  ])
  expect(ats).toEqual([
    [0, 3],
    [0, 1],
    [1, 1],
    [2, 1],
  ])
})

test('rows to be careful with run singly, and convicted ones do not run', async () => {
  const { lines, errors, ats } = await scoreText(iris, `${setosa}\n`.repeat(6), {
    microBatchRows: 3,
    careful: [3, 5],
    convicted: new Map([[4, 'executor_crashed']]),
  })

  expect(ats).toEqual([
    [0, 3],
    [3, 1],
    [5, 1],
  ])
  expect(lines[4]).toEqual({ row: 4, prediction: null, probabilities: null, error_code: 'executor_crashed' })
  expect(errors).toMatchObject([{ row: 4, line: 5, code: 'executor_crashed' }])
})

test('stopped, it ends between micro-batches', async () => {
  const stop = new AbortController()

  const { score } = await scoreText(iris, `${setosa}\n`.repeat(10), {
    microBatchRows: 4,
    stop: stop.signal,
    at: (row) => row === 4 && stop.abort(),
  })

  expect(score).toMatchObject({ rows: 8, isStopped: true })
})

test('the id of a row is copied to its output and its error', async () => {
  const text = '{"key":"a","features":[5.1,3.5,1.4,0.2]}\n{"key":7,"features":[]}\n{"features":[]}\n'

  const { lines, errors } = await scoreText(iris, text, { parser: createJsonlParser({ idColumn: 'key' }) })

  expect(lines).toMatchObject([
    { row: 0, id: 'a', prediction: 'setosa' },
    { row: 1, id: 7, prediction: null },
    { row: 2, prediction: null },
  ])
  expect(errors).toMatchObject([
    { id: 7, detail: 'must have 4 values', pointer: '/features' },
    { detail: 'lacks key, the id column' },
  ])
})

test('a text that a model takes out of its run, as it is a stop word, costs no other row its answer', async () => {
  const model = await openModel('tests/models-as-exported/tfidf-stop-words')
  const texts = ['the cat sat', 'the', 'stock market']

  const together = await scoreText(model, texts.map((text) => `{"text":["${text}"]}`).join('\n'))
  const alone = await Promise.all(texts.map((text) => scoreText(model, `{"text":["${text}"]}`)))

  expect(together.errors).toEqual([])
  expect(together.lines).toEqual(
    alone.map(({ lines: [line] }, row) => (typeof line === 'object' ? { ...line, row } : line)),
  )
})

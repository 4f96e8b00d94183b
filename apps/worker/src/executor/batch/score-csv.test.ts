import { expect, test } from 'vitest'
import { createCsvWriter } from './csv-writer.ts'
import { openModel, scoreCsv, scoreText } from './score-model.fixture.ts'

const iris = await openModel('models/iris')
const housing = await openModel('models/housing')
const twoInputs = await openModel('tests/models/two-inputs')

const header = 'sepal_length,sepal_width,petal_length,petal_width\n'
const good = '5.1,3.5,1.4,0.2\n'

/** Ways in which a row of CSV can be bad, which are two lines where they have a line break. */
const badRows = [
  ['5.1,3.5,1.4', 'has 3 columns, the header has 4', ''],
  ['5.1,3.5,1.4,0.2,9', 'has 5 columns, the header has 4', ''],
  ['x', 'has 1 column, the header has 4', ''],
  ['5.1,tall,1.4,0.2', 'must be a number', '/features/sepal_width'],
  ['5.1,,1.4,0.2', 'must be a number', '/features/sepal_width'],
  ['5.1,3.5,1e39,0.2', 'is too large for float32', '/features/petal_length'],
  [
    '"5.1"x,3.5,1.4,0.2',
    'has text behind the quote that closes column 1; quotes in quotes are written twice',
    '',
  ],
  [
    '"5.1"x,3.5,1.4,"0\n2"',
    'has text behind the quote that closes column 1; quotes in quotes are written twice',
    '',
  ],
  ['5.1,"3\n5",1.4,0.2', 'must be a number', '/features/sepal_width'],
  ['5.1,3"5,1.4,0.2', 'must be a number', '/features/sepal_width'],
  ['5.1,3.\u00005,1.4,0.2', 'must be a number', '/features/sepal_width'],
  [Buffer.from([0x35, 0x2c, 0xff, 0x2c, 0x31, 0x2c, 0x31]), 'is not valid UTF-8', ''],
  [`5.1,3.5,1.4,${'0'.repeat(2000)}`, 'is longer than the 1000 bytes that a row may have', ''],
] as const

test.each(badRows)('%j costs one row', async (bad, detail, pointer) => {
  const row = Buffer.from(bad)
  const text = Buffer.concat([Buffer.from(header + good), row, Buffer.from(`\n\n${good}`)])

  const { lines, errors } = await scoreCsv(iris, text, { maxRowBytes: 1000 })

  expect(lines).toMatchObject([
    { row: 0, prediction: 'setosa' },
    { row: 1, prediction: null, probabilities: null, error_code: 'invalid_input' },
    { row: 2, prediction: 'setosa' },
  ])
  expect(errors).toMatchObject([{ row: 1, line: 3, offset: header.length + good.length, detail, pointer }])
})

test.each([
  ['quoted cells', '"5.1",3.5,"1.4",0.2\n'],
  ['carriage returns', '5.1,3.5,1.4,0.2\r\n'],
  ['no last line break', '5.1,3.5,1.4,0.2'],
  ['blank lines', '\n\r\n5.1,3.5,1.4,0.2\n\n'],
  ['spaces', ' 5.1, 3.5,1.4 ,0.2\n'],
])('%s make no difference', async (_, rows) => {
  const { output, errors } = await scoreCsv(iris, `${header}${rows}`)

  expect(errors).toEqual([])
  expect(output).toBe((await scoreCsv(iris, header + good)).output)
})

test('a header alone is a file of no rows', async () => {
  const { score, output } = await scoreCsv(iris, header)

  expect(score).toMatchObject({ rows: 0, failed: 0, bytes: 0 })
  expect(output).toBe('')
})

test('an input that is long is cut where its error repeats it', async () => {
  const { errors } = await scoreCsv(iris, `${header}5.1,3.5,1.4,${'ä'.repeat(3000)}\n`)

  expect(errors).toMatchObject([{ input: `5.1,3.5,1.4,${'ä'.repeat(2042)}`, input_truncated: true }])
})

test('columns are found by their names, and the id is copied', async () => {
  const text =
    'name,petal_width,petal_length,sepal_width,sepal_length\n"a ""b""",0.2,1.4,3.5,5.1\nc,0.2,,3.5,5.1\n'

  const { lines, errors } = await scoreCsv(iris, text, { columns: { idColumn: 'name' } })

  expect(lines).toMatchObject([
    { row: 0, id: 'a "b"', prediction: 'setosa', probabilities: { setosa: expect.closeTo(0.9815929, 6) } },
    { row: 1, id: 'c', error_code: 'invalid_input' },
  ])
  expect(errors).toMatchObject([{ id: 'c', pointer: '/features/petal_length' }])
})

test('an enumeration of text is read as text', async () => {
  const names =
    'bedrooms,view,grade,yr_built,bathrooms,floors,sqft_living,sqft_lot,latitude,longitude,condition,waterfront'
  const rows =
    '2,0,7,1999,1.5,3,1430,1650,47.722198486328125,-122.29000091552734,average,no\n2,0,7,1999,1.5,3,1430,1650,47.7,-122.3,average,maybe\n'

  const { lines, errors } = await scoreCsv(housing, `${names}\n${rows}`)

  expect(lines).toEqual([
    { row: 0, prediction: expect.closeTo(0.3128658, 5) },
    { row: 1, prediction: null, error_code: 'invalid_input' },
  ])
  expect(errors).toMatchObject([{ pointer: '/features/waterfront', detail: 'must be one of no, yes' }])
})

test('inputs of bare tensors are columns of JSON, base64 or places', async () => {
  const asJson = await scoreCsv(twoInputs, 'a,b\n"[0.5,1]",10\nAAAAPwAAgD8=,10\n"[1]",10\n')
  const spread = await scoreCsv(twoInputs, 'b,a.0,a.1\n10,0.5,1\n')

  expect(asJson.lines).toEqual([
    { row: 0, total: 11.5, doubled: 20 },
    { row: 1, total: 11.5, doubled: 20 },
    { row: 2, total: null, doubled: null, error_code: 'invalid_input' },
  ])
  expect(asJson.errors).toMatchObject([{ pointer: '/a', detail: 'must have 2 elements' }])
  expect(spread.lines).toEqual([{ row: 0, total: 11.5, doubled: 20 }])
})

test('CSV has a column for each probability, and empty cells where a row failed', async () => {
  const { outputSchema } = iris.probe.task
  const writer = createCsvWriter(outputSchema, { hasIds: true })

  const { output } = await scoreCsv(iris, `k,${header}"x,1",${good}y,,1,1,1\n`, {
    writer,
    columns: { idColumn: 'k' },
  })

  expect(writer.header).toBe(
    'row,id,prediction,probabilities.setosa,probabilities.versicolor,probabilities.virginica,error_code\n',
  )
  const [first = '', second] = output.split('\n')
  expect(first).toMatch(/^0,"x,1",setosa,0\.98159\d+,0\.01840\d+,1\.470\d+e-8,$/)
  expect(second).toBe('1,y,,,,,invalid_input')
})

test('CSV has what is nested as JSON in a cell', async () => {
  const model = await openModel('tests/models/fixed-one')
  const writer = createCsvWriter(model.probe.task.outputSchema)

  const { output } = await scoreText(model, '{"x":[1,1,1,1]}\n', { writer })

  expect(writer.header).toBe('row,y,error_code\n')
  expect(output).toBe('0,"[10.5,-0.5]",\n')
})

import { expect, test } from 'vitest'
import { parseCommand } from './parse-command.ts'

test('formats follow from the names of the files', () => {
  expect(parseCommand(['iris', 'rows.csv.gz', '-o', 'out.ndjson'])).toEqual({
    kind: 'score',
    rows: {
      model: 'iris',
      path: 'rows.csv.gz',
      format: 'csv',
      encoding: 'gzip',
      options: { output_format: 'jsonl' },
    },
    targets: { output: 'out.ndjson', errors: undefined },
    url: undefined,
  })
})

test('options are those of the API', () => {
  const args =
    'iris - -o - --input-format jsonl --encoding-format base64 --version 2 --id-column name --extra-columns error --max-failed-rows 3 --priority low'

  const command = parseCommand(args.split(' '))

  expect(command).toMatchObject({
    rows: {
      options: {
        encoding_format: 'base64',
        version: '2',
        id_column: 'name',
        extra_columns: 'error',
        max_failed_rows: '3',
        priority: 'low',
      },
    },
  })
})

test.each([
  ['no output', ['iris', 'rows.csv'], 'give -o and the file that the output goes to'],
  ['no rows', ['iris', '-o', 'out.csv'], 'give the file of rows behind the name of the model'],
  ['a file too much', ['iris', 'a.csv', 'b.csv', '-o', 'out.csv'], '"b.csv" is too much'],
  ['a name without a format', ['iris', 'rows.txt', '-o', 'out.csv'], 'add --input-format jsonl or --input'],
  ['stdin without a format', ['iris', '-', '-o', 'out.csv'], 'stdin does not say in which format it is'],
  [
    'an output without one',
    ['iris', 'rows.csv', '-o', 'out'],
    '"out" does not say in which format it is to be',
  ],
  ['an output that is compressed', ['iris', 'rows.csv', '-o', 'out.csv.gz'], 'outputs are not compressed'],
  ['an unknown format', ['iris', 'a', '-o', 'b.csv', '--input-format', 'xml'], 'takes one of jsonl, csv'],
  ['an unknown priority', ['iris', 'a.csv', '-o', 'b.csv', '--priority', 'top'], 'high, normal, low'],
  [
    'no number',
    ['iris', 'a.csv', '-o', 'b.csv', '--max-failed-rows', '-1'],
    "'--max-failed-rows' argument is",
  ],
  ['an unknown option', ['iris', 'a.csv', '-o', 'b.csv', '--key', 'x'], "Unknown option '--key'"],
  ['both to stdout', ['--resume', 'batch-1', '-o', '-', '--errors', '-'], 'can not both go to stdout'],
  ['both to one file', ['--resume', 'batch-1', '-o', 'a', '--errors', 'a'], 'need a file each'],
  ['rows to resume with', ['iris', '--resume', 'batch-1', '-o', 'a.csv'], 'leave out "iris"'],
  [
    'options to resume with',
    ['--resume', 'b', '-o', 'a', '--version', '2'],
    '--version is of a batch that is new',
  ],
])('%s is told in a sentence', (_, args, sentence) => {
  expect(() => parseCommand(args)).toThrow(sentence)
})

import { parseArgs } from 'node:util'
import { rowFormats } from '../../packages/shared/src/contract/batch-record.ts'
import type { RowFormat } from '../../packages/shared/src/contract/batch-record.ts'
import { CommandError } from '../commands/command-error.ts'
import { isRowFormat, readFileName } from './formats.ts'

export const usage = `Usage:
  npm run batch -- MODEL rows.csv -o out.jsonl   scores each row of a file, and waits for a file of outputs
  npm run batch -- --resume BATCH -o out.jsonl   goes on waiting for one that runs, or collects one that has ended
      -                               as the file: reads stdin; as the output: writes stdout (with npm run -s batch)
      --errors errors.jsonl           where the rows that failed go, each with its line and the reason
      --input-format csv              where the name of the file does not tell; ${rowFormats.join(', ')}
      --output-format jsonl           where that of the output does not
      --encoding-format base64        writes lists of numbers as base64 of float32, in csv and jsonl
      --version 2                     a version of the model, instead of its default one
      --id-column name                a column that names each row, and is copied to the output
      --extra-columns error           refuses a file with columns that the model does not know
      --max-failed-rows 100           ends the batch when more rows have failed
      --priority low                  high, normal or low
      --url http://127.0.0.1:8080     the server, instead of ONQUEUE_URL

The API key is taken from ONQUEUE_API_KEY. Files that end with .gz or .zst are sent as they are, and unpacked there.
Exit code: 0 there is an output, though rows may have failed; 1 the batch has failed, or was canceled; 2 it could not be
done as it was typed; 130 you left it with Ctrl-C, and it goes on.`

/** What to score, with the options of the API. A path that is `-` is stdin. */
export type Rows = {
  model: string
  path: string
  format: RowFormat
  encoding: 'gzip' | 'zstd' | undefined
  options: Record<string, string>
}

/** Where the output and the errors go. A path that is `-` is stdout. */
export type Targets = { output: string; errors: string | undefined }

export type Command =
  | { kind: 'help' }
  | { kind: 'score'; rows: Rows; targets: Targets; url: string | undefined }
  | { kind: 'resume'; id: string; targets: Targets; url: string | undefined }

/** Throws a CommandError that says what to type instead. */
export const parseCommand = (args: string[]): Command => {
  const { values, positionals } = parse(args)
  const [model, path, ...rest] = positionals
  if (values.help || args.length === 0) return { kind: 'help' }
  const { output, errors, url, resume, ...ofRows } = values
  if (output === undefined) throw misuse('give -o and the file that the output goes to, or -o - for stdout')
  if (output === '-' && errors === '-') throw misuse('the output and the errors can not both go to stdout')
  if (output === errors) throw misuse('the output and the errors need a file each')
  const targets = { output, errors }
  if (resume !== undefined) {
    if (model !== undefined)
      throw misuse(`--resume takes no file of rows: leave out "${positionals.join(' ')}"`)
    const [option] = Object.entries(ofRows).flatMap(([name, value]) => (value === undefined ? [] : [name]))
    if (option !== undefined) throw misuse(`--${option} is of a batch that is new, and not for --resume`)
    return { kind: 'resume', id: resume, targets, url }
  }
  if (model === undefined) throw misuse('give the name of a model')
  if (path === undefined) throw misuse('give the file of rows behind the name of the model, or - for stdin')
  if (rest.length > 0) throw misuse(`"${rest.join(' ')}" is too much: give one file of rows`)
  return { kind: 'score', rows: toRows({ model, path, output, values: ofRows }), targets, url }
}

const parse = (args: string[]) => {
  try {
    return parseArgs({
      args,
      allowPositionals: true,
      options: {
        output: { type: 'string', short: 'o' },
        errors: { type: 'string' },
        'input-format': { type: 'string' },
        'output-format': { type: 'string' },
        'encoding-format': { type: 'string' },
        version: { type: 'string' },
        'id-column': { type: 'string' },
        'extra-columns': { type: 'string' },
        'max-failed-rows': { type: 'string' },
        priority: { type: 'string' },
        url: { type: 'string' },
        resume: { type: 'string' },
        help: { type: 'boolean', short: 'h' },
      },
    })
  } catch (err) {
    throw misuse(err instanceof Error ? err.message.replace(/\.$/, '') : String(err))
  }
}

type Values = Omit<ReturnType<typeof parse>['values'], 'output' | 'errors' | 'url' | 'resume'>

const toRows = ({
  model,
  path,
  output,
  values,
}: {
  model: string
  path: string
  output: string
  values: Values
}): Rows => {
  const {
    'input-format': inputFormat,
    'output-format': outputFormat,
    'max-failed-rows': maxFailedRows,
  } = values
  const named = readFileName(path)
  const format = checkFormat('--input-format', inputFormat) ?? named.format
  if (!format)
    throw misuse(`${nameOf(path, 'stdin')} does not say in which format it is: ${addFormat('input')}`)
  const written = checkFormat('--output-format', outputFormat) ?? formatOfOutput(output)
  checkOneOf('--encoding-format', values['encoding-format'], ['float', 'base64'])
  checkOneOf('--extra-columns', values['extra-columns'], ['ignore', 'error'])
  checkOneOf('--priority', values.priority, ['high', 'normal', 'low'])
  if (maxFailedRows !== undefined && !/^\d{1,15}$/.test(maxFailedRows))
    throw misuse('--max-failed-rows takes a whole number')
  const options = {
    version: values.version,
    output_format: written,
    encoding_format: values['encoding-format'],
    id_column: values['id-column'],
    extra_columns: values['extra-columns'],
    max_failed_rows: maxFailedRows,
    priority: values.priority,
  }
  return { model, path, format, encoding: named.encoding, options: given(options) }
}

/** Stdout has the format of the input where nothing else is asked for, as the API has it. */
const formatOfOutput = (output: string) => {
  if (output === '-') return undefined
  const { format, encoding } = readFileName(output)
  if (encoding) throw misuse(`outputs are not compressed: leave out the end of "${output}"`)
  if (!format) throw misuse(`"${output}" does not say in which format it is to be: ${addFormat('output')}`)
  return format
}

const checkFormat = (option: string, text: string | undefined) => {
  if (text === undefined || isRowFormat(text)) return text
  throw misuse(`${option} takes one of ${rowFormats.join(', ')}`)
}

const checkOneOf = (option: string, value: string | undefined, known: string[]) => {
  if (value !== undefined && !known.includes(value))
    throw misuse(`${option} takes one of ${known.join(', ')}`)
}

const nameOf = (path: string, standard: string) => (path === '-' ? standard : `"${path}"`)

const addFormat = (of: 'input' | 'output') =>
  `add ${rowFormats.map((format) => `--${of}-format ${format}`).join(' or ')}`

const given = (options: Record<string, string | undefined>) =>
  Object.fromEntries(
    Object.entries(options).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])),
  )

const misuse = (sentence: string) => new CommandError(`${sentence}. For all options: npm run batch -- --help`)

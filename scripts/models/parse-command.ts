import { parseArgs } from 'node:util'
import { CommandError } from '../commands/command-error.ts'
import type { TaskName } from './propose-task.ts'

export const usage = `Usage:
  npm run models -- inspect FILE         what an ONNX file says of itself, and the task that it looks made for; nothing is run
  npm run models -- check                loads every model of the repository as a worker does, and runs golden.json: for CI
  npm run models -- check PATH           the same for the folder of a model or of a version, another repository, or an .onnx file
  npm run models -- add FILE --name x    checks a model and copies it into the repository, with a commented model.yaml
      --version 2                        as one of several versions
      --task tabular-classification      instead of the proposed one; or tabular-regression, or tensors
  --json after inspect and check prints what was found for programs

The repository is ONQUEUE_MODELS_DIR, or models/. Exit code: 0 all is well, 1 a model is not, 2 the command was not understood.`

const tasks = ['tensors', 'tabular-classification', 'tabular-regression'] as const satisfies TaskName[]

export type Command =
  | { kind: 'help' }
  | { kind: 'inspect'; file: string; isJson: boolean }
  /** the repository where no path is given */
  | { kind: 'check'; path: string | undefined; isJson: boolean }
  | { kind: 'add'; file: string; name: string; version: string | undefined; task: TaskName | undefined }

/** Throws a CommandError that says what to type instead. */
export const parseCommand = (args: string[]): Command => {
  const { values, positionals } = parse(args)
  const [kind, subject, ...rest] = positionals
  if (kind === undefined || values.help) return { kind: 'help' }
  if (rest.length > 0) throw misuse(`"${rest.join(' ')}" is too much: give one path`)
  const { json: isJson, ...ofAdd } = values
  if (kind !== 'add') refuseOptions(kind, { ...ofAdd, help: undefined })
  if (kind === 'inspect') return { kind, file: subject ?? missing('the path of an .onnx file'), isJson }
  if (kind === 'check') return { kind, path: subject, isJson }
  if (kind !== 'add') throw misuse(`there is no command "${kind}"; there are inspect, check and add`)
  if (isJson) throw misuse('--json is for inspect and check')
  return {
    kind,
    file: subject ?? missing('the path of an .onnx file'),
    name: values.name ?? missing('--name, under which the model is served'),
    version: values.version,
    task: toTask(values.task),
  }
}

const parse = (args: string[]) => {
  try {
    return parseArgs({
      args,
      allowPositionals: true,
      options: {
        name: { type: 'string' },
        version: { type: 'string' },
        task: { type: 'string' },
        json: { type: 'boolean', default: false },
        help: { type: 'boolean', short: 'h', default: false },
      },
    })
  } catch (err) {
    throw misuse(err instanceof Error ? err.message.replace(/\.$/, '') : String(err))
  }
}

const refuseOptions = (kind: string, options: Record<string, unknown>) => {
  const [option] = Object.entries(options).flatMap(([name, value]) => (value === undefined ? [] : [name]))
  if (option !== undefined) throw misuse(`--${option} is for add, and not for ${kind}`)
}

const missing = (what: string) => {
  throw misuse(`give ${what}`)
}

const toTask = (task: string | undefined) => {
  const known = tasks.find((one) => one === task)
  if (task !== undefined && known === undefined)
    throw misuse(`there is no task "${task}"; there are ${tasks.join(', ')}`)
  return known
}

const misuse = (sentence: string) =>
  new CommandError(`${sentence}. For all commands: npm run models -- --help`)

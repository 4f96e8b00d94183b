import { existsSync } from 'node:fs'
import { resolve } from 'node:path'
import { keysFileOf, settings as apiSettings } from '../apps/api/src/config.ts'
import { settings as workerSettings } from '../apps/worker/src/config.ts'
import { ConfigError, parseEnvironment, publicUrlOf } from '../packages/shared/src/process/environment.ts'
import { addModel } from './models/add-model.ts'
import { checkModels } from './models/check-models.ts'
import { CommandError } from './commands/command-error.ts'
import { escapeControls, showJson } from './commands/escape-controls.ts'
import { typedIn } from './commands/typed-in.ts'
import { findAllVersions, findVersions } from './models/find-versions.ts'
import { inspectModel } from './models/inspect-model.ts'
import { parseCommand, usage } from './models/parse-command.ts'
import { showAdded } from './models/show-added.ts'
import { showChecks } from './models/show-checks.ts'
import { showInspection } from './models/show-inspection.ts'

type Environment = Record<string, string | undefined>

/** What is printed on stdout, and whether a model was found bad. */
type Result = { lines: string[]; exitCode: 0 | 1 }

/** Runs one command. Rejects with a CommandError or ConfigError where it can't be done. */
export const runModelsCommand = async (
  args: string[],
  { environment, signal }: { environment: Environment; signal: AbortSignal },
): Promise<Result> => {
  const command = parseCommand(args)
  const { ONQUEUE_MODELS_DIR: modelsDir, ONQUEUE_MODELS_LINKS: links } = parseEnvironment(
    workerSettings.pick({ ONQUEUE_MODELS_DIR: true, ONQUEUE_MODELS_LINKS: true }),
    environment,
  )
  const place = (path: string) => resolve(typedIn('models', environment), path)
  switch (command.kind) {
    case 'help':
      return { lines: usage.split('\n'), exitCode: 0 }
    case 'inspect': {
      const inspection = await inspectModel(place(command.file))
      return { lines: command.isJson ? [showJson(inspection)] : showInspection(inspection), exitCode: 0 }
    }
    case 'check': {
      const { path } = command
      const found =
        path === undefined
          ? await findAllVersions(modelsDir, { links })
          : await findVersions(place(path), { links })
      const checked = await checkModels(found, { signal })
      const isGood = checked.every(({ status }) => status === 'ready')
      const lines = command.isJson ? [showJson({ isGood, versions: checked })] : showChecks(checked)
      return { lines, exitCode: isGood ? 0 : 1 }
    }
    case 'add': {
      const added = await addModel({ ...command, file: place(command.file), modelsDir, signal })
      return { lines: showAdded(added, apiOf(environment)), exitCode: added.isAdded ? 0 : 1 }
    }
  }
}

const apiOf = (environment: Environment) => {
  const config = parseEnvironment(apiSettings, environment)
  return {
    url: publicUrlOf(config, config.PORT),
    hasKeys: config.ONQUEUE_API_KEYS !== undefined || existsSync(keysFileOf(config)),
  }
}

/** A sentence, and never a stack: nobody who brings a model can do anything with that. */
const explain = (err: unknown) => {
  const message = err instanceof Error ? err.message : String(err)
  return err instanceof CommandError || err instanceof ConfigError
    ? message
    : `this went wrong, and should not have: ${message}. Report it, with the model if you can.`
}

const main = async () => {
  const ending = new AbortController()
  let endedBy = 0
  for (const [signal, number] of [
    ['SIGINT', 2],
    ['SIGTERM', 15],
  ] as const) {
    process.once(signal, () => {
      endedBy = number
      ending.abort()
    })
  }
  // whoever reads it may have had enough
  process.stdout.on('error', () => undefined)
  try {
    const { lines, exitCode } = await runModelsCommand(process.argv.slice(2), {
      environment: process.env,
      signal: ending.signal,
    })
    if (endedBy === 0) console.log(lines.join('\n'))
    process.exitCode = endedBy === 0 ? exitCode : 128 + endedBy
  } catch (err) {
    for (const line of explain(err).split('\n')) console.error(escapeControls(line))
    process.exitCode = err instanceof CommandError ? err.exitCode : 2
  }
}

if (import.meta.main) await main()

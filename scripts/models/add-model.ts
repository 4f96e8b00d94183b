import { join, dirname, relative, resolve } from 'node:path'
import { isFile, readBytes } from '../../apps/worker/src/repository/look-at-files.ts'
import { readModelSettings } from '../../apps/worker/src/repository/read-model-settings.ts'
import { Refusal } from '../../apps/worker/src/refusal.ts'
import type { ModelSettings } from '../../apps/worker/src/tasks/model-settings.ts'
import { checkVersion } from './check-version.ts'
import type { CheckedVersion } from './check-version.ts'
import { choosePlace } from './choose-place.ts'
import type { Place } from './choose-place.ts'
import { CommandError } from '../commands/command-error.ts'
import { inspectModel } from './inspect-model.ts'
import type { Inspection } from './inspect-model.ts'
import { modelYaml } from './model-yaml.ts'
import type { Proposal, TaskName } from './propose-task.ts'
import { stageModel } from './stage-model.ts'
import type { StagedModel } from './stage-model.ts'

export type AddedModel = {
  checked: CheckedVersion
  place: Place
  /** false where the check found it bad: then nothing was left in the repository */
  isAdded: boolean
  /** where the settings come from */
  settingsFrom: Settings['from']
}

const schemaFile = join(import.meta.dirname, '../../models/model.schema.json')

/**
 * Copies a model into the repository, with its weights, its `golden.json` and a `model.yaml`, once it was checked there, in a
 * hidden folder. Rejects with a CommandError where it can't be added; then the repository is as it was.
 */
export const addModel = async (options: {
  file: string
  modelsDir: string
  name: string
  version: string | undefined
  task: TaskName | undefined
  signal: AbortSignal
}): Promise<AddedModel> => {
  const { file, modelsDir, name, task, signal } = options
  const inspection = await inspectModel(file, { task })
  const proposal = proposalOf(inspection)
  const place = await choosePlace(options)
  const settings = await chooseSettings({ file, place, proposal, task })

  await using staged = await stageModel({ modelsDir, name })
  // the folder of the version, in what becomes the folder of a model that is new
  const folder = place.isKnown ? '' : (place.version ?? '')
  await copyFiles(staged, { file, folder, inspection })
  const definition = {
    name,
    version: place.version ?? '1',
    digest: '',
    dir: staged.dir,
    onnxPath: join(staged.dir, folder, 'model.onnx'),
    settings: settings.settings,
  }
  const checked = await checkVersion(definition, { signal })
  const result = { checked, place, settingsFrom: settings.from }
  if (checked.status !== 'ready' || signal.aborted) return { ...result, isAdded: false }
  if (settings.from === 'beside the file') await staged.write('model.yaml', settings.yaml)
  if (settings.from === 'proposed') {
    const schemaPath = relative(place.modelDir, schemaFile)
    await staged.write(
      'model.yaml',
      modelYaml({ proposal, schemaPath, example: checked.found?.interface.example }),
    )
  }
  await staged.moveTo(place.isKnown ? place.versionDir : place.modelDir)
  return { ...result, isAdded: true }
}

const proposalOf = ({ file, unfit, proposal, externalFiles }: Inspection): Proposal => {
  const outside = externalFiles.find(({ isOutside }) => isOutside)
  const missing = externalFiles.find(({ bytes }) => bytes === null)
  if (outside) {
    throw bad(
      `its weights are in ${outside.file}, in another folder: export it with its weights beside ${file}`,
    )
  }
  if (missing) throw bad(`its weights are in ${missing.file}, which is missing: put it beside ${file}`)
  if (!proposal) throw bad(`${file} can't be served: ${unfit ?? 'it has no outputs'}`)
  return proposal
}

const bad = (sentence: string) => new CommandError(`${sentence}.`, { exitCode: 1 })

type Settings = { settings: ModelSettings } & (
  | { from: 'proposed' }
  /** versions of a model share them */
  | { from: 'the model' }
  | { from: 'beside the file'; yaml: Buffer }
)

const chooseSettings = async ({
  file,
  place,
  proposal,
  task,
}: {
  file: string
  place: Place
  proposal: Proposal
  task: TaskName | undefined
}): Promise<Settings> => {
  if (place.isKnown) {
    const path = join(place.modelDir, 'model.yaml')
    return { from: 'the model', settings: readSettings(place.modelYaml?.toString() ?? '', { path, task }) }
  }
  const path = join(dirname(resolve(file)), 'model.yaml')
  const yaml = await readBytes(path)
  if (yaml) return { from: 'beside the file', yaml, settings: readSettings(yaml.toString(), { path, task }) }
  if (task !== undefined && proposal.misfit !== undefined)
    throw bad(`${file} is no model for --task ${task}: ${proposal.misfit}`)
  return { from: 'proposed', settings: readModelSettings(modelYaml({ proposal, schemaPath: '' })) }
}

const readSettings = (yaml: string, { path, task }: { path: string; task: TaskName | undefined }) => {
  try {
    const settings = readModelSettings(yaml)
    if (task === undefined || task === settings.task) return settings
  } catch (err) {
    if (err instanceof Refusal)
      throw new CommandError(`${path} has to be corrected first: ${err.message}.`, { exitCode: 1 })
    throw err
  }
  throw new CommandError(
    `the task is that in ${path}, which counts for this model: leave --task out, or change it there.`,
  )
}

const copyFiles = async (
  staged: StagedModel,
  { file, folder, inspection }: { file: string; folder: string; inspection: Inspection },
) => {
  const from = dirname(resolve(file))
  await staged.copy(file, join(folder, 'model.onnx'))
  for (const external of inspection.externalFiles) {
    await staged.copy(join(from, external.file), join(folder, external.file))
  }
  const golden = join(from, 'golden.json')
  if (await isFile(golden)) await staged.copy(golden, join(folder, 'golden.json'))
}

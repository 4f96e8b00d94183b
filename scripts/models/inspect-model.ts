import { createHash } from 'node:crypto'
import { readFile, stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { checkWhole } from '../../apps/worker/src/onnx-file/check-whole.ts'
import { recognizeFile } from '../../apps/worker/src/onnx-file/explain-file.ts'
import { doesLeave } from '../../apps/worker/src/onnx-file/external-files.ts'
import { readOnnxSource } from '../../apps/worker/src/onnx-file/onnx-source.ts'
import { Refusal } from '../../apps/worker/src/refusal.ts'
import { elementTypes, isFloat } from '../../apps/worker/src/tensors/tensor.ts'
import type { OutputInfo, Signature, TensorInfo } from '../../apps/worker/src/tensors/tensor.ts'
import { CommandError, systemCodeOf } from '../commands/command-error.ts'
import { readOnnxFacts } from './onnx-facts.ts'
import type { OnnxFacts, OnnxValue } from './onnx-facts.ts'
import { proposeFor, proposeTask } from './propose-task.ts'
import type { Proposal, TaskName } from './propose-task.ts'

export type ExternalFile = {
  /** relative to the model's file */
  file: string
  /** null where it is missing */
  bytes: number | null
  /** it is in another folder than the model, where ONNX Runtime does not look */
  isOutside: boolean
}

/** What a file says of a model, which was not run. */
export type Inspection = Omit<OnnxFacts, 'operators' | 'externalFiles'> & {
  file: string
  bytes: number
  sha256: string
  operators: string[]
  externalFiles: ExternalFile[]
  /** of the outputs that the file has classes of; a ZipMap is taken off, as executors do */
  labels: { output: string; labels: (string | number)[] }[]
  /** inputs that may be missing a value */
  takesMissing: string[]
  /** undefined where it can't be served, which `unfit` says why */
  proposal?: Proposal
  unfit?: string
}

/** Rejects with a CommandError where it is no file, or none of ONNX. */
export const inspectModel = async (
  file: string,
  { task }: { task?: TaskName | undefined } = {},
): Promise<Inspection> => {
  const bytes = await readModel(file)
  const facts = readOnnxFacts(bytes)
  if (!facts) {
    const what = recognizeFile(bytes.subarray(0, 64)) ?? 'the file is not an ONNX model, or is cut off'
    throw new CommandError(`${file}: ${what}.`, { exitCode: 1 })
  }
  const { operators, externalFiles, ...rest } = facts
  return {
    file,
    bytes: bytes.length,
    sha256: createHash('sha256').update(bytes).digest('hex'),
    ...rest,
    operators: [...operators].sort(),
    externalFiles: await Promise.all(externalFiles.map((location) => lookAtExternal(file, location))),
    ...(await proposeOf(file, facts, task)),
  }
}

const readModel = async (file: string) => {
  try {
    const found = await stat(file)
    if (found.isDirectory())
      throw new CommandError(`${file} is a folder: give the path of the .onnx file in it.`)
    // a pipe would never end
    if (!found.isFile()) throw new CommandError(`${file} is no file: give the path of an .onnx file.`)
    await checkWhole(file)
    return await readFile(file)
  } catch (err) {
    if (err instanceof Refusal) throw new CommandError(`${file}: ${err.message}.`, { exitCode: 1 })
    const code = systemCodeOf(err)
    if (code === undefined) throw err
    if (code === 'ENOENT') throw new CommandError(`there is no file ${file}: give the path of an .onnx file.`)
    throw new CommandError(`${file} can't be read (${code}): make it a file that you may read.`, {
      cause: err,
    })
  }
}

const lookAtExternal = async (file: string, location: string): Promise<ExternalFile> => {
  const isOutside = doesLeave(location)
  const found = isOutside ? undefined : await stat(join(dirname(file), location)).catch(() => undefined)
  return { file: location, bytes: found?.isFile() ? found.size : null, isOutside }
}

/** As executors read it: what a ZipMap hides is an output of its own. */
const proposeOf = async (
  file: string,
  facts: OnnxFacts,
  task: TaskName | undefined,
): Promise<Pick<Inspection, 'labels' | 'takesMissing' | 'proposal' | 'unfit'>> => {
  const nothing = { labels: [], takesMissing: [] }
  try {
    const source = await readOnnxSource({ onnxPath: file, wantsClassLabels: true })
    const { inputs, outputs } =
      (typeof source.model === 'string' ? undefined : readOnnxFacts(source.model)) ?? facts
    const zipMapOf = (name: string) => source.zipMaps.find(({ tensor }) => tensor === name)
    const classes =
      source.classLabels ?? (source.zipMaps.length === 1 ? source.zipMaps[0]?.labels : undefined)
    const signature: Signature = {
      inputs: inputs.map((input) => {
        const info = toTensor('input', input)
        return isFloat(info.type) && source.hints.missing.has(info.name)
          ? { ...info, takesMissing: true }
          : info
      }),
      outputs: outputs.filter(isTensor).map((output): OutputInfo => {
        const zipMap = zipMapOf(output.name)
        const labels = zipMap?.labels ?? classes
        return {
          ...toTensor('output', output),
          name: zipMap?.output ?? output.name,
          ...(labels ? { labels } : {}),
        }
      }),
    }
    if (signature.outputs.length === 0) return { ...nothing, unfit: 'none of its outputs is a tensor' }
    const model = { signature, operators: facts.operators }
    return {
      labels: signature.outputs.flatMap(({ name, labels }) => (labels ? [{ output: name, labels }] : [])),
      takesMissing: signature.inputs.flatMap(({ name, takesMissing }) => (takesMissing ? [name] : [])),
      proposal: task ? proposeFor(task, model) : proposeTask(model),
    }
  } catch (err) {
    if (err instanceof Refusal) return { ...nothing, unfit: err.message }
    throw err
  }
}

const isTensor = ({ type }: OnnxValue) => !/\(|^unknown$/.test(type)

const toTensor = (kind: string, value: OnnxValue): TensorInfo => {
  const { name, shape } = value
  if (!isTensor(value))
    throw new Refusal(`${kind} ${name} is not a tensor, which onnxruntime-node can't carry`)
  const type = elementTypes.find((known) => known === value.type)
  if (!type)
    throw new Refusal(
      `${kind} ${name} holds ${value.type}, which can't be carried; use one of ${elementTypes.join(', ')}`,
    )
  return { name, type, shape: shape ?? [], ...(shape ? {} : { isUnshaped: true }) }
}

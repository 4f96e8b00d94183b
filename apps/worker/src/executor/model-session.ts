import { readFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { InferenceSession, Tensor, listSupportedBackends } from 'onnxruntime-node'
import { isMachineTrouble } from '../machine-trouble.ts'
import { Refusal } from '../refusal.ts'
import { elementTypes, isFloat, toAxis } from '../tensors/tensor.ts'
import type {
  ElementType,
  OutputInfo,
  Signature,
  TensorData,
  TensorInfo,
  Tensors,
} from '../tensors/tensor.ts'
import { explainFile } from '../onnx-file/explain-file.ts'
import { explainLoadError } from './explain-load-error.ts'
import type { OnnxSource } from '../onnx-file/onnx-source.ts'

/** A loaded model. Names are those in the ONNX file, also where a ZipMap was taken off. */
export type ModelSession = {
  signature: Signature
  /** the execution providers in use */
  providers: string[]
  warnings: string[]
  /** Rejects with what ONNX Runtime threw. Blocks the thread while the model runs. */
  run(feeds: Tensors, outputNames: string[]): Promise<Tensors>
  release: () => Promise<void>
}

export const openModelSession = async (options: {
  source: OnnxSource
  onnxPath: string
  threads: number
  providers: string[]
}): Promise<ModelSession> => {
  const { source, onnxPath, threads, providers } = options
  const opened = await createSession({ model: source.model, onnxPath }, providers, {
    intraOpNumThreads: threads,
    interOpNumThreads: 1,
    executionMode: 'sequential',
    graphOptimizationLevel: 'all',
    // a row that makes the model throw is the caller's affair and not one for standard error
    logSeverityLevel: 4,
    extra: {
      session: {
        // threads that spin while they wait would take the cores of the other executors
        intra_op: { allow_spinning: '0' },
        // a model given as bytes has no folder in which its other files could be found
        ...(typeof source.model === 'string'
          ? {}
          : { model_external_initializers_file_folder_path: dirname(onnxPath) }),
      },
    },
  })
  const { session, warnings } = opened
  const tensorOf = new Map(source.zipMaps.map((zipMap) => [zipMap.output, zipMap.tensor]))
  const leftOut = session.outputMetadata.filter((output) => !output.isTensor).map((output) => output.name)
  const signature = await withUnshaped(readSignature(session, source), onnxPath)
  return {
    signature,
    providers: opened.providers,
    warnings: [...warnings, ...leftOut.map((name) => `output ${name} is not a tensor and is left out`)],
    release: () => session.release(),
    async run(feeds, outputNames) {
      const tensors = Object.fromEntries(
        Object.entries(feeds).map(([name, tensor]) => [name, toOrtTensor(tensor)]),
      )
      const outputs = await session.run(
        tensors,
        outputNames.map((name) => tensorOf.get(name) ?? name),
      )
      return Object.fromEntries(
        outputNames.flatMap((name) => {
          const output = outputs[tensorOf.get(name) ?? name]
          return output ? [[name, fromOrtTensor(output)]] : []
        }),
      )
    },
  }
}

/** Tries the providers in order of preference; one that can't be used here is left out with a warning. */
const createSession = async (
  { model, onnxPath }: { model: string | Uint8Array; onnxPath: string },
  wanted: string[],
  sessionOptions: InferenceSession.SessionOptions,
) => {
  const supported = listSupportedBackends().map((backend) => backend.name)
  const warnings = wanted
    .filter((provider) => !supported.includes(provider))
    .map(
      (provider) => `execution provider ${provider} is not in this build, which has ${supported.join(', ')}`,
    )
  let providers = wanted.filter((provider) => supported.includes(provider))
  for (;;) {
    if (providers.length === 0) {
      throw new Refusal(`none of its execution providers can be used: ${warnings.join('; ')}`)
    }
    try {
      const options = { ...sessionOptions, executionProviders: providers }
      // the overloads take a path or bytes, not either
      const session = await (typeof model === 'string'
        ? InferenceSession.create(model, options)
        : InferenceSession.create(model, options))
      return { session, providers, warnings }
    } catch (err) {
      const [failed] = providers
      // where another provider is left to try, this one is only left out
      if ((failed === 'cpu' || providers.length === 1) && isMachineTrouble(err)) throw err
      if (failed === 'cpu') {
        const explained = await explainFile(onnxPath, String(err)).catch(() => undefined)
        throw new Refusal(explained ?? explainLoadError(err), { cause: err })
      }
      warnings.push(`execution provider ${failed} can't be used here: ${explainLoadError(err)}`)
      providers = providers.slice(1)
    }
  }
}

const readSignature = (session: InferenceSession, { zipMaps, classLabels, hints }: OnnxSource): Signature => {
  const inputs = session.inputMetadata.map((input): TensorInfo => {
    const info = readTensorInfo('input', input)
    return isFloat(info.type) && hints.missing.has(info.name) ? { ...info, takesMissing: true } : info
  })
  // those of the scores are those of the predicted label too
  const onlyLabels = zipMaps.length === 1 ? zipMaps[0]?.labels : undefined
  const outputs = session.outputMetadata
    .filter((output) => output.isTensor)
    .map((output): OutputInfo => {
      const info = readTensorInfo('output', output)
      const zipMap = zipMaps.find(({ tensor }) => tensor === info.name)
      const labels = zipMap?.labels ?? classLabels ?? onlyLabels
      return { ...info, name: zipMap?.output ?? info.name, ...(labels ? { labels } : {}) }
    })
  if (outputs.length === 0) {
    throw new Refusal("none of its outputs is a tensor; onnxruntime-node can't return others")
  }
  return { inputs, outputs }
}

const withUnshaped = async ({ inputs, outputs }: Signature, onnxPath: string): Promise<Signature> => {
  if (!inputs.some(({ shape }) => shape.length === 0)) return { inputs, outputs }
  const { readUnshaped } = await import('../onnx-file/read-unshaped.ts')
  const names = readUnshaped(await readFile(onnxPath))
  // of the outputs of what has shapes runs tell enough
  if (!inputs.some(({ name }) => names.has(name))) return { inputs, outputs }
  const mark = <Info extends TensorInfo>(info: Info): Info =>
    names.has(info.name) ? { ...info, isUnshaped: true } : info
  return { inputs: inputs.map(mark), outputs: outputs.map(mark) }
}

const readTensorInfo = (kind: string, metadata: InferenceSession.ValueMetadata): TensorInfo => {
  const { name } = metadata
  if (!metadata.isTensor) {
    throw new Refusal(`${kind} ${name} is not a tensor, which onnxruntime-node can't carry`)
  }
  const type = elementTypes.find((known) => known === metadata.type)
  if (!type) {
    throw new Refusal(
      `${kind} ${name} holds ${metadata.type}, which can't be carried; use one of ${elementTypes.join(', ')}`,
    )
  }
  // rows are made by assigning to keys, which this one is not
  if (name === '__proto__') throw new Refusal(`${kind} __proto__ can't have that name`)
  return { name, type, shape: metadata.shape.map(toAxis) }
}

const toOrtTensor = ({ type, data, dims }: TensorData): Tensor => {
  if (!(data instanceof Float16Array)) return new Tensor(type, data, dims)
  const bits = new Uint16Array(data.buffer, data.byteOffset, data.length)
  // the constructor makes a Float16Array of it, which the native binding takes to be empty (1.30)
  return Object.defineProperty(new Tensor(type, bits, dims), 'data', { value: bits })
}

const fromOrtTensor = ({ type, data, dims }: Tensor): TensorData => {
  const known = elementTypes.find((candidate): candidate is ElementType => candidate === type)
  if (!known) throw new TypeError(`ONNX Runtime returned ${type}`)
  return { type: known, data, dims }
}

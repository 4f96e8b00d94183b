import { openModelSession } from '../../apps/worker/src/executor/model-session.ts'
import { readOnnxSource } from '../../apps/worker/src/onnx-file/onnx-source.ts'
import { flatten, nest } from '../../apps/worker/src/tasks/tensors/nested-arrays.ts'
import { createReader } from '../../apps/worker/src/tensors/element-reader.ts'
import { createWriter } from '../../apps/worker/src/tensors/element-writer.ts'
import { elementCount } from '../../apps/worker/src/tensors/tensor.ts'
import type { Tensors } from '../../apps/worker/src/tensors/tensor.ts'
import type { BackendCase } from './backend-case.ts'

/** What ONNX Runtime answers to the whole tensors of a case, in this process: no rows are looked for. */
export const runWithoutUs = async ({ onnxPath, inputs }: BackendCase): Promise<BackendCase['outputs']> => {
  const source = await readOnnxSource({ onnxPath, wantsClassLabels: false })
  const session = await openModelSession({ source, onnxPath, threads: 1, providers: ['cpu'] })
  const { inputs: inputInfos, outputs: outputInfos } = session.signature
  const feeds: Tensors = {}
  for (const { name, type } of inputInfos) {
    const tensor = inputs[name]
    if (!tensor) continue
    const count = elementCount(tensor.dims)
    const writer = createWriter(type, count)
    let index = 0
    flatten(tensor.value, tensor.dims, (element) => writer.write(index++, element))
    feeds[name] = { type, data: writer.finish(count), dims: tensor.dims }
  }
  const outputs = await session.run(
    feeds,
    outputInfos.map(({ name }) => name),
  )
  return Object.fromEntries(
    Object.entries(outputs).map(([name, tensor]) => {
      const dims = [...tensor.dims]
      return [name, { dims, value: nest(createReader(tensor), dims, 0) }]
    }),
  )
}

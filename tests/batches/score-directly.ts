import { join } from 'node:path'
import { InferenceSession, Tensor } from 'onnxruntime-node'

/** What ONNX Runtime says of flowers in this process, all in one run: a label and probabilities for each. */
export const scoreDirectly = async (rows: readonly { values: number[] }[]) => {
  const session = await InferenceSession.create(modelFile)
  const values = Float32Array.from(rows.flatMap((row) => row.values))
  const { label, probabilities } = await session.run({
    measurements: new Tensor('float32', values, [rows.length, 4]),
  })
  await session.release()
  const scores = probabilities?.data
  if (!scores || !label) throw new Error('the model has no label and probabilities')
  return rows.map((_, row) => ({
    prediction: String(label.data[row]),
    probabilities: names.map((_, place) => Number(scores[row * names.length + place])),
  }))
}

const modelFile = join(import.meta.dirname, '../../models/iris/model.onnx')
const names = ['setosa', 'versicolor', 'virginica']

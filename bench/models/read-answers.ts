import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import { startOnnx } from '../ceiling/onnx.ts'
import { knownAnswerSchema } from './known-answer.ts'
import type { KnownAnswer } from './known-answer.ts'
import { demoModelDir, heavyModelDir, treesModelDir } from './model-dirs.ts'

const goldenSchema = z.array(knownAnswerSchema)
const heavyRows = 16
const heavyWidth = 256

/** What scikit-learn itself answers. */
export const readDemoAnswers = () => readGolden(demoModelDir)

/** What LightGBM itself answers. */
export const readTreesAnswers = () => readGolden(treesModelDir)

const readGolden = async (modelDir: string): Promise<KnownAnswer[]> =>
  goldenSchema.parse(JSON.parse(await readFile(join(modelDir, 'golden.json'), 'utf8')))

/** Rows of the heavy model. */
export const heavyInputs = Array.from({ length: heavyRows }, (_, row) =>
  Array.from(
    { length: heavyWidth },
    (_, column) => Math.round(1000 * Math.sin(row * 31 + column * 7)) / 1000,
  ),
)

/** What ONNX Runtime answers to each row alone. */
export const computeHeavyAnswers = async (): Promise<KnownAnswer[]> => {
  const onnx = await startOnnx(heavyModelDir)
  try {
    const outputs = await onnx.runEach(heavyInputs)
    return heavyInputs.map((row, index) => ({ input: { x: row }, output: { y: outputs[index] } }))
  } finally {
    await onnx.close()
  }
}

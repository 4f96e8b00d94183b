import { z } from 'zod'
import { computeHeavyAnswers, readDemoAnswers } from '../models/read-answers.ts'

/** A row and its right output, for either of the models that every server is measured with. */
export type Case = z.infer<typeof tinyCaseSchema> | z.infer<typeof heavyCaseSchema>

export type ModelName = Case['model']

const tinyCaseSchema = z
  .object({
    input: z.object({ features: z.array(z.number()) }),
    output: z.object({ prediction: z.int(), probabilities: z.object({ 1: z.number() }) }),
  })
  .transform(({ input, output }) => ({
    model: 'tiny' as const,
    values: input.features,
    prediction: output.prediction,
    /** of class 1 */
    probability: output.probabilities[1],
  }))

const heavyCaseSchema = z
  .object({ input: z.object({ x: z.array(z.number()) }), output: z.object({ y: z.array(z.number()) }) })
  .transform(({ input, output }) => ({ model: 'heavy' as const, values: input.x, y: output.y }))

/** What scikit-learn says of the tiny model, and ONNX Runtime of the heavy one. */
export const readCases = async (model: ModelName): Promise<Case[]> => {
  if (model === 'heavy') return (await computeHeavyAnswers()).map((answer) => heavyCaseSchema.parse(answer))
  // not those that name their features, which only OnQueue takes
  return (await readDemoAnswers()).flatMap((answer) => tinyCaseSchema.safeParse(answer).data ?? [])
}

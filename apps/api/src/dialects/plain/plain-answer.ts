import { z } from 'zod'
import type { VersionCard } from '@onqueue/shared'

const labelSchema = z.union([z.string(), z.number()])

const classesSchema = z.object({
  prediction: labelSchema,
  probabilities: z.record(z.string(), z.number()).nullable(),
})

const outputSchemaSchema = z.object({
  properties: z.object({ prediction: z.object({ enum: z.array(labelSchema).optional() }) }),
})

/** What `POST /predict` answers for a model of two classes. */
export const plainAnswerSchema = z.object({
  prediction: labelSchema,
  probability_class_1: z
    .number()
    .nullable()
    .describe('The probability of the second of the two labels; null where the model gives none.'),
})

type Card = Pick<VersionCard, 'task' | 'outputSchema'>

/** Whether a model may answer in the plain form: it tells two classes apart, as far as is known. */
export const hasPlainAnswer = (card: Card) => {
  const labels = labelsOf(card)
  return card.task === 'tabular-classification' && (labels === undefined || labels.length === 2)
}

/**
 * The plain form of an output: of a model with two classes `{ prediction, probability_class_1 }`, of any other model the
 * output as it is. An array input has an array of these.
 */
export const toPlainAnswer = (output: unknown, card: Card): unknown => {
  if (!hasPlainAnswer(card)) return output
  const labels = labelsOf(card)
  return Array.isArray(output) ? output.map((row) => plainRow(row, labels)) : plainRow(output, labels)
}

/**
 * The labels in their order, which the keys of an output don't keep where they look like numbers. Undefined where the
 * model gives no probabilities.
 */
const labelsOf = ({ outputSchema }: Card) =>
  outputSchemaSchema.safeParse(outputSchema).data?.properties.prediction.enum

const plainRow = (row: unknown, labels: z.infer<typeof labelSchema>[] | undefined): unknown => {
  const parsed = classesSchema.safeParse(row)
  if (!parsed.success) return row
  const { prediction, probabilities } = parsed.data
  const second = labels === undefined ? undefined : probabilities?.[String(labels[1])]
  return { prediction, probability_class_1: second ?? null } satisfies z.infer<typeof plainAnswerSchema>
}

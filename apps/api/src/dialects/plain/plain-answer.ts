import { z } from 'zod'
import type { VersionInterface } from '@onqueue/shared'

const labelSchema = z.union([z.string(), z.number()])

const classesSchema = z.object({
  prediction: labelSchema,
  probabilities: z.record(z.string(), z.number()).nullable(),
})

/** How every task that tells classes apart describes its output; without scores, `probabilities` are null. */
const classesJsonSchema = z.object({
  properties: z.object({
    prediction: z.object({ enum: z.array(labelSchema).optional() }),
    probabilities: z.object({ type: z.enum(['object', 'null']) }),
  }),
})

/** What `POST /predict` answers for a model of two classes. */
export const plainAnswerSchema = z.object({
  prediction: labelSchema,
  probability_class_1: z
    .number()
    .nullable()
    .describe('The probability of the second of the two labels; null where the model gives none.'),
})

/** What is known of a version; null until it was loaded. */
type Offered = Pick<VersionInterface, 'outputSchema'> | null

/** Whether a model may answer in the plain form: it tells two classes apart, as far as is known. */
export const hasPlainAnswer = (offered: Offered) => {
  const classes = classesOf(offered)
  return classes !== undefined && (classes.labels === undefined || classes.labels.length === 2)
}

/**
 * The plain form of an output: of a model with two classes `{ prediction, probability_class_1 }`, of any other model the
 * output as it is. An array input has an array of these.
 */
export const toPlainAnswer = (output: unknown, offered: Offered): unknown => {
  if (!hasPlainAnswer(offered)) return output
  const labels = classesOf(offered)?.labels
  return Array.isArray(output) ? output.map((row) => plainRow(row, labels)) : plainRow(output, labels)
}

/**
 * The labels in their order, which the keys of an output don't keep where they look like numbers; without them where the
 * model gives no probabilities. Undefined of a model that does not tell classes apart.
 */
const classesOf = (offered: Offered) => {
  const { data } = classesJsonSchema.safeParse(offered?.outputSchema)
  return data && { labels: data.properties.prediction.enum }
}

const plainRow = (row: unknown, labels: z.infer<typeof labelSchema>[] | undefined): unknown => {
  const parsed = classesSchema.safeParse(row)
  if (!parsed.success) return row
  const { prediction, probabilities } = parsed.data
  const second = labels === undefined ? undefined : probabilities?.[String(labels[1])]
  return { prediction, probability_class_1: second ?? null } satisfies z.infer<typeof plainAnswerSchema>
}

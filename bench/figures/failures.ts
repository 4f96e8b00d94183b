import { z } from 'zod'
import { sum } from './statistics.ts'

/** How many answers were not what they should be, and a few of them. */
export type Failures = z.infer<typeof failuresSchema>

export const failuresSchema = z.object({ failures: z.int(), examples: z.array(z.string()) })

/** Of one sentence for each. */
export const toFailures = (sentences: readonly string[]): Failures => ({
  failures: sentences.length,
  examples: sentences.slice(0, 3),
})

/** Those of several reports. */
export const addFailures = (reports: readonly Failures[], { maxExamples = 5 } = {}): Failures => ({
  failures: sum(reports.map(({ failures }) => failures)),
  examples: reports.flatMap(({ examples }) => examples).slice(0, maxExamples),
})

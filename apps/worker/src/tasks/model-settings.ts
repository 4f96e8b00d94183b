import { z } from 'zod'
import { taskNames } from './task-names.ts'

/**
 * `model.yaml`. Every setting has a default, so the file may be left out. The messages complete a sentence that starts
 * with the setting's name.
 */
const text = z.string('must be text')
const wholeNumber = z.int('must be a whole number').min(1, 'must be at least 1')
const autoOrNumber = z.union([z.literal('auto'), wholeNumber], 'must be auto or a whole number of at least 1')

const namedFeature = z.strictObject(
  {
    name: text.min(1, 'must not be empty'),
    input: text.optional().describe('The ONNX input that the feature is for, where it has another name.'),
    type: z
      .enum(['number', 'integer', 'string'], 'must be number, integer or string')
      .optional()
      .describe('What callers give. By default what the ONNX input holds.'),
    enum: z
      .array(z.union([z.string(), z.number()], 'must be text or a number'), 'must be a list of values')
      .min(1, 'must not be empty')
      .optional()
      .describe('The only values that are accepted.'),
    missing: z
      .literal('allow', 'must be allow')
      .optional()
      .describe('Accepts null, which the model gets as NaN.'),
  },
  'must be a name, or a mapping with a name',
)

const feature = z.union(
  [text.min(1, 'must not be empty'), namedFeature],
  'must be a name, or a mapping with a name',
)

const label = z.union([z.string(), z.int()], 'must be text or a whole number (put it in quotes)')

const settings = z.strictObject(
  {
    description: text.default('').describe('A sentence about the model, for people.'),
    task: z
      .enum(taskNames, `is not a known task; known tasks: ${taskNames.join(', ')}`)
      .default('tensors')
      .describe('How input and output are shaped.'),
    features: z
      .array(feature, 'must be a list')
      .min(1, 'must not be empty')
      .optional()
      .describe('The columns of a tabular input, in the order of the model.'),
    labels: z
      .array(label, 'must be a list')
      .min(2, 'must have at least two labels')
      .optional()
      .describe('The classes, in the order of the scores. By default those in the ONNX file.'),
    output: z
      .strictObject(
        {
          label: text.optional().describe('The ONNX output with the predicted class.'),
          scores: text.optional().describe('The ONNX output with a score for each class.'),
          value: text.optional().describe('The ONNX output with the value of a regression.'),
          activation: z
            .enum(['none', 'softmax', 'sigmoid'], 'must be none, softmax or sigmoid')
            .default('none')
            .describe('What makes probabilities of the scores.'),
        },
        'must be a mapping',
      )
      .prefault({})
      .describe('Which outputs mean what. Guessed from names and shapes where left out.'),
    example: z
      .record(z.string(), z.unknown(), 'must be a mapping')
      .optional()
      .describe('An input, for the docs and for the warm-up.'),
    batching: z
      .strictObject(
        {
          max_rows: wholeNumber
            .max(65536, 'must be at most 65536')
            .default(64)
            .describe('The most rows of one run.'),
          max_wait_ms: z
            .number('must be a number')
            .min(0, 'must not be negative')
            .max(60_000, 'must be at most 60000')
            .default(2)
            .describe('How long a micro-batch waits to fill while rows are on their way.'),
        },
        'must be a mapping',
      )
      .prefault({}),
    instances: autoOrNumber.default('auto').describe('Executors. auto: what the cores can feed.'),
    threads: autoOrNumber.default('auto').describe('ONNX Runtime threads of each executor.'),
    timeout_s: z
      .number('must be a number of seconds')
      .positive('must be more than 0')
      .max(86_400, 'must be at most 86400')
      .default(30)
      .describe('The longest that one micro-batch may run.'),
    attempts: wholeNumber
      .max(100, 'must be at most 100')
      .default(3)
      .describe('How often one prediction is tried when a failure may pass.'),
    providers: z
      .array(text, 'must be a list')
      .min(1, 'must not be empty')
      .default(['cpu'])
      .describe('ONNX Runtime execution providers in order of preference, e.g. [cuda, cpu].'),
  },
  'must be a mapping of settings',
)

/** A model without a task takes bare tensors, where these settings would silently do nothing. */
export const modelSettingsSchema = settings.superRefine(({ task, features, labels }, context) => {
  if (task !== 'tensors') return
  for (const [name, value] of Object.entries({ features, labels })) {
    if (value === undefined) continue
    const message = `is for tabular models; add task: tabular-classification${name === 'features' ? ' or tabular-regression' : ''}`
    context.addIssue({ code: 'custom', path: [name], message })
  }
})

export type ModelSettings = z.infer<typeof modelSettingsSchema>
export type FeatureSettings = z.infer<typeof namedFeature>
export type OutputSettings = ModelSettings['output']

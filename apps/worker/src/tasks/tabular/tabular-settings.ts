import { z } from 'zod'
import { text } from '../setting-values.ts'

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
export type FeatureSettings = z.infer<typeof namedFeature>

const feature = z.union(
  [text.min(1, 'must not be empty'), namedFeature],
  'must be a name, or a mapping with a name',
)

export const featuresSetting = z
  .array(feature, 'must be a list')
  .min(1, 'must not be empty')
  .optional()
  .describe('The columns of a tabular input, in the order of the model.')
export type FeaturesSetting = z.infer<typeof featuresSetting>

export const missingSetting = z
  .literal('allow', 'must be allow')
  .optional()
  .describe(
    'Accepts null wherever the model takes floats, which it gets as NaN. By default where the file has an Imputer, or trees that were grown with missing values.',
  )

const label = z.union([z.string(), z.int()], 'must be text or a whole number (put it in quotes)')

export const labelsSetting = z
  .array(label, 'must be a list')
  .min(2, 'must have at least two labels')
  .optional()
  .describe('The classes, in the order of the scores. By default those in the ONNX file.')

/** One mapping for both tabular tasks, of which each reads what it has a use for. */
export const outputSetting = z
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
  .describe('Which outputs mean what. Guessed from names and shapes where left out.')
export type OutputSetting = z.infer<typeof outputSetting>

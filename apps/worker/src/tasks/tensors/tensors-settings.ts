import { z } from 'zod'
import { missingSetting, outputSetting } from '../tabular/tabular-settings.ts'

const notAnAxis = 'must be the number of an axis, from 0 on'
const axisNumber = z.int(notAnAxis).min(0, notAnAxis)

/** What `task: tensors` has in `model.yaml` beyond the settings of every model. */
export const tensorsSettings = {
  task: 'tensors',
  own: {
    rows: z
      .union(
        [z.enum(['auto', 'first', 'none']), z.record(z.string(), axisNumber)],
        'must be auto, first, none, or axes by the names of inputs and outputs, such as { x: 1 }',
      )
      .default('auto')
      .describe(
        'Whether the first axis of its tensors is one of rows, which callers leave out. auto: as sample runs show; none: callers send whole tensors. Or which axis it is, from 0 on, by the name of an input or output.',
      ),
    missing: missingSetting,
  },
  withoutEffect: { output: outputSetting.describe('Has no effect on bare tensors.') },
} as const

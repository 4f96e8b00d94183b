import { z } from 'zod'
import { missingSetting, outputSetting } from '../tabular/tabular-settings.ts'

/** What `task: tensors` has in `model.yaml` beyond the settings of every model. */
export const tensorsSettings = {
  task: 'tensors',
  own: {
    rows: z
      .enum(['auto', 'first', 'none'], 'must be auto, first or none')
      .default('auto')
      .describe(
        'Whether the first axis of its tensors is one of rows, which callers leave out. auto: as sample runs show; none: callers send whole tensors.',
      ),
    missing: missingSetting,
  },
  withoutEffect: { output: outputSetting.describe('Has no effect on bare tensors.') },
} as const

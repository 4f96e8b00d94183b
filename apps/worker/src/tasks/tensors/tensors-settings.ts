import { outputSetting } from '../tabular/tabular-settings.ts'

/** What `task: tensors` has in `model.yaml` beyond the settings of every model: nothing. */
export const tensorsSettings = {
  task: 'tensors',
  own: {},
  withoutEffect: { output: outputSetting.describe('Has no effect on bare tensors.') },
} as const

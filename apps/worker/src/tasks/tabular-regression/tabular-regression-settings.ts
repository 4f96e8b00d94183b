import { featuresSetting, labelsSetting, missingSetting, outputSetting } from '../tabular/tabular-settings.ts'

/** What `task: tabular-regression` has in `model.yaml` beyond the settings of every model. */
export const tabularRegressionSettings = {
  task: 'tabular-regression',
  own: { features: featuresSetting, missing: missingSetting, output: outputSetting },
  withoutEffect: { labels: labelsSetting.describe('Has no effect on a regression.') },
} as const

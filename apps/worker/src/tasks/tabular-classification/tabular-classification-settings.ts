import { featuresSetting, labelsSetting, missingSetting, outputSetting } from '../tabular/tabular-settings.ts'

/** What `task: tabular-classification` has in `model.yaml` beyond the settings of every model. */
export const tabularClassificationSettings = {
  task: 'tabular-classification',
  own: { features: featuresSetting, missing: missingSetting, labels: labelsSetting, output: outputSetting },
  withoutEffect: {},
} as const

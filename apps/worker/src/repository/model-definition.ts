import type { ModelSettings } from '../tasks/model-settings.ts'

/** One version of a model as found in the repository: plain data, sent to the executor that loads it. */
export type ModelDefinition = {
  name: string
  version: string
  /** sha256 (hex) over name, `model.yaml` and the version's files */
  digest: string
  /** the model's folder, absolute */
  dir: string
  /** absolute */
  onnxPath: string
  /** `model.yaml` with the defaults filled in */
  settings: ModelSettings
}

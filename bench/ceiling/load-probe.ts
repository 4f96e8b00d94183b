import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { loadModel } from '../../apps/worker/src/executor/load-model.ts'
import type { Probe } from '../../apps/worker/src/executor/probe.ts'
import { readModelSettings } from '../../apps/worker/src/repository/read-model-settings.ts'

/** A model of the repository, ready to run with one thread, as executors have it. */
export const loadProbe = async (modelDir: string): Promise<Probe> => {
  const settings = readModelSettings(await readFile(join(modelDir, 'model.yaml'), 'utf8'))
  const onnxPath = join(modelDir, 'model.onnx')
  const definition = { name: 'm', version: '1', digest: '', dir: modelDir, onnxPath, settings }
  return (await loadModel(definition, 1)).probe
}

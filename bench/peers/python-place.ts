import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { heavyModelDir } from '../models/model-dirs.ts'
import { openScratchFolder } from '../processes/scratch-folder.ts'
import type { ModelName } from './cases.ts'
import { openPythonVenv } from './python-venv.ts'
import type { Program } from './start-programs.ts'

/** Where Python programs run: an environment with pinned packages, and a folder with the tiny model. */
export type PythonPlace = { bin: string; folder: string; tinyFile: string; close: () => Promise<void> }

/** The tiny model is trained here, by scikit-learn, for the Python peers run it as scikit-learn's own. */
export const openPythonPlace = async (requirements: string): Promise<PythonPlace> => {
  const bin = await openPythonVenv(requirements)
  const { path: folder, close } = await openScratchFolder()
  const place = { bin, folder, tinyFile: join(folder, 'model.joblib'), close }
  const { command, args, env } = toPythonProgram(place, { name: 'python', args: ['train.py'], model: 'tiny' })
  await promisify(execFile)(command, args, { env, cwd: programsDir })
  return place
}

/** One of the environment's programs; peers learn the model from its environment. */
export const toPythonProgram = (
  { bin, tinyFile }: PythonPlace,
  { name, args, model }: { name: string; args: string[]; model: ModelName },
): Program => ({
  command: join(bin, name),
  args,
  env: {
    MODEL: model,
    TINY: tinyFile,
    HEAVY: join(heavyModelDir, 'model.onnx'),
    PYTHONPATH: programsDir,
    PYTHONDONTWRITEBYTECODE: '1',
    // a thread for each of the two processes on two cores
    OMP_NUM_THREADS: '1',
    OPENBLAS_NUM_THREADS: '1',
    BENTOML_DO_NOT_TRACK: 'True',
  },
})

const programsDir = join(import.meta.dirname, 'programs')

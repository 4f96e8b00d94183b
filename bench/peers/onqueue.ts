import { copyFile, mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { demoModelDir, heavyModelDir } from '../models/model-dirs.ts'
import { findDescendants } from '../processes/find-descendants.ts'
import { openScratchFolder } from '../processes/scratch-folder.ts'
import { startOnQueue } from '../stack/start-onqueue.ts'
import type { Contender } from './contender.ts'
import { onqueueWording } from './wording.ts'
import { withRedis } from './with-redis.ts'

/** OnQueue by `npm start`. */
export const onqueue: Contender = {
  name: 'OnQueue',
  wording: onqueueWording,
  modelProcess: /^onqueue-executor|executor-process\.ts/,
  start: ({ model }) =>
    withRedis(async ({ dataDir }, opened) => {
      const folder = await openScratchFolder()
      opened.defer(folder.close)
      const modelDir = model === 'tiny' ? demoModelDir : await makeHeavy(folder.path)
      const { url, pid, close } = await startOnQueue({ dataDir, modelDir })
      return { url, listProcesses: () => findDescendants(pid), close }
    }),
}

/** With as many processes and rows a run as the others have. */
const makeHeavy = async (folder: string) => {
  const modelDir = join(folder, 'heavy')
  await mkdir(modelDir)
  await copyFile(join(heavyModelDir, 'model.onnx'), join(modelDir, 'model.onnx'))
  await writeFile(join(modelDir, 'model.yaml'), 'instances: 2\nthreads: 1\nbatching: { max_rows: 32 }\n')
  return modelDir
}

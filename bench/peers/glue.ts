import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { unwrapZipMaps } from '../../apps/worker/src/onnx-file/unwrap-zip-maps.ts'
import { pickPort } from '../../scripts/redis/ports.ts'
import { demoModelDir, heavyModelDir } from '../models/model-dirs.ts'
import { openScratchFolder } from '../processes/scratch-folder.ts'
import type { Contender } from './contender.ts'
import { plainQueueWording } from './wording.ts'
import { startPrograms } from './start-programs.ts'
import { withRedis } from './with-redis.ts'

/** What a team on Node writes before it looks for a server: Hono, BullMQ and ONNX Runtime. */
export const glue: Contender = {
  name: 'glue (Hono + BullMQ)',
  wording: plainQueueWording,
  modelProcess: /glue-program\.ts worker/,
  start: ({ model, probe }) =>
    withRedis(async (redis, opened) => {
      const folder = await openScratchFolder()
      opened.defer(folder.close)
      const modelFile = join(folder.path, 'model.onnx')
      const modelDir = model === 'tiny' ? demoModelDir : heavyModelDir
      // onnxruntime-node can't return ZipMap's maps: who has to do without OnQueue exports the model without it
      await writeFile(modelFile, unwrapZipMaps(await readFile(join(modelDir, 'model.onnx'))).model)

      const port = await pickPort()
      const env = { MODEL: model, MODEL_FILE: modelFile, REDIS_URL: redis.url, NODE_ENV: 'production' }
      const toProgram = (...args: string[]) => ({
        command: process.execPath,
        args: ['glue-program.ts', ...args],
        env,
      })
      return startPrograms([toProgram('api', String(port)), toProgram('worker'), toProgram('worker')], {
        url: `http://127.0.0.1:${port}`,
        probe,
      })
    }),
}

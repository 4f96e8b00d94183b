import { expect, test } from 'vitest'
import { buildOnnx } from '../onnx-file/fixtures/build-onnx.ts'
import { noHints } from '../onnx-file/value-hints.ts'
import { readModelSettings } from '../repository/read-model-settings.ts'
import { chooseTask } from '../tasks/choose-task.ts'
import { openModelSession } from './model-session.ts'
import { seededRandom } from './sample-rows.ts'
import { warmUp } from './warm-up.ts'

/** Only what is above 300 gets another answer than 0, and rows of that size are not the first ones to be tried. */
const aboveAll = buildOnnx({
  inputs: [{ name: 'x', type: 'float32', shape: ['N', 1] }],
  constants: [{ name: 'bound', floats: [300] }],
  nodes: [
    { op: 'Sub', inputs: ['x', 'bound'], outputs: ['above'] },
    { op: 'Relu', inputs: ['above'], outputs: ['y'] },
  ],
  outputs: [{ name: 'y', type: 'float32', shape: ['N', 1] }],
})

test('a core that has little time for it does not keep a row from being found that gets another answer', async () => {
  const settings = readModelSettings('')
  const source = { model: aboveAll, zipMaps: [], classLabels: undefined, hints: noHints }
  const session = await openModelSession({ source, onnxPath: '', threads: 1, providers: ['cpu'] })
  let now = 0

  const { reason, maxRows } = await warmUp({
    session,
    chosen: chooseTask(settings),
    settings,
    hints: noHints,
    random: seededRandom(1),
    // each look takes a sixth of what samples may take
    now: () => (now += 50),
  })

  expect({ reason, maxRows }).toEqual({ reason: null, maxRows: 64 })
})

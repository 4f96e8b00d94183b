import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { readOnnxSource } from '../onnx-file/onnx-source.ts'
import { readModelSettings } from '../repository/read-model-settings.ts'
import { chooseTask } from '../tasks/choose-task.ts'
import type { Task } from '../tasks/task.ts'
import { openModelSession } from './model-session.ts'
import { reviewAnswers } from './review-answers.ts'
import { seededRandom } from './sample-rows.ts'
import { warmUp } from './warm-up.ts'

/** Warms a test model (tests/models/README.md) up with its task changed as given, and reviews what it answered. */
const reviewModel = async (name: string, change: (task: Task) => Partial<Task>) => {
  const onnxPath = fileURLToPath(new URL(`../../../../tests/models/${name}/model.onnx`, import.meta.url))
  const settings = readModelSettings('')
  const { needs, create } = chooseTask(settings)
  const source = await readOnnxSource({ onnxPath, wantsClassLabels: needs.classLabels })
  const session = await openModelSession({ source, onnxPath, threads: 1, providers: ['cpu'] })
  const warmedUp = await warmUp({
    session,
    chosen: {
      needs,
      create: (model) => {
        const task = create(model)
        return { ...task, ...change(task) }
      },
    },
    settings,
    hints: source.hints,
    random: seededRandom(1),
    now: () => performance.now(),
  })
  return reviewAnswers(warmedUp)
}

test('a task that makes a row of each row is not worth a word', async () => {
  expect(await reviewModel('two-inputs', () => ({}))).toEqual([])
})

test('a task that makes another number of rows of a run is refused, so that its author hears of it', async () => {
  const lose = (task: Task): Partial<Task> => ({
    decode: (outputs, rowCount) => task.decode(outputs, rowCount).slice(0, 1),
  })
  const invent = (task: Task): Partial<Task> => ({
    decode: (outputs, rowCount) => task.decode(outputs, rowCount).flatMap((row) => [row, row]),
  })

  await expect(reviewModel('two-inputs', lose)).rejects.toThrow(
    'its task made 1 rows of 2: decode has to give one for each',
  )
  await expect(reviewModel('two-inputs', invent)).rejects.toThrow(
    'its task made 2 rows of 1: decode has to give one for each',
  )
  await expect(reviewModel('fixed-one', invent)).rejects.toThrow('its task made 2 rows of 1')
})

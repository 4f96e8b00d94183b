import { z } from 'zod'
import { text, wholeNumber } from './setting-values.ts'
import { tabularClassificationSettings } from './tabular-classification/tabular-classification-settings.ts'
import { tabularRegressionSettings } from './tabular-regression/tabular-regression-settings.ts'
import { tensorsSettings } from './tensors/tensors-settings.ts'

/** Every task, with what it has in `model.yaml` beyond the settings of every model. */
const tasks = [tensorsSettings, tabularClassificationSettings, tabularRegressionSettings]

const autoOrNumber = z.union([z.literal('auto'), wholeNumber], 'must be auto or a whole number of at least 1')

/** What every model has in `model.yaml`, whatever its task, apart from `description`, which comes before the task. */
const commonSettings = {
  example: z
    .record(z.string(), z.unknown(), 'must be a mapping')
    .optional()
    .describe('An input, for the docs and for the warm-up.'),
  batching: z
    .strictObject(
      {
        max_rows: wholeNumber
          .max(65536, 'must be at most 65536')
          .default(64)
          .describe('The most rows of one run.'),
        max_wait_ms: z
          .number('must be a number')
          .min(0, 'must not be negative')
          .max(60_000, 'must be at most 60000')
          .default(2)
          .describe('How long a micro-batch waits to fill while rows are on their way.'),
        rows: z
          .literal('independent', 'must be independent')
          .optional()
          .describe(
            'independent: rows share runs though sample rows changed each other, which their differences may allow.',
          ),
      },
      'must be a mapping',
    )
    .prefault({}),
  batch: z
    .strictObject(
      {
        executor: z
          .enum(['own', 'off'], 'must be own or off')
          .default('own')
          .describe(
            'own: files of rows are scored by processes that have the model once more. off: they are refused.',
          ),
      },
      'must be a mapping',
    )
    .prefault({}),
  instances: autoOrNumber.default('auto').describe('Executors. auto: what the cores can feed.'),
  threads: autoOrNumber.default('auto').describe('ONNX Runtime threads of each executor.'),
  timeout_s: z
    .number('must be a number of seconds')
    .positive('must be more than 0')
    .max(86_400, 'must be at most 86400')
    .default(30)
    .describe('The longest that one micro-batch may run.'),
  attempts: wholeNumber
    .max(100, 'must be at most 100')
    .default(3)
    .describe('How often one prediction is tried when a failure may pass.'),
  providers: z
    .array(text, 'must be a list')
    .min(1, 'must not be empty')
    .default(['cpu'])
    .describe('ONNX Runtime execution providers in order of preference, e.g. [cuda, cpu].'),
}

const taskNamed = <Name extends string>(name: Name) =>
  z.literal(name, `is not a known task; known tasks: ${tasks.map(({ task }) => task).join(', ')}`)

const settingsOfTask = <
  Task extends z.ZodType,
  Own extends z.ZodRawShape,
  WithoutEffect extends z.ZodRawShape,
>(
  task: Task,
  { own, withoutEffect }: { own: Own; withoutEffect: WithoutEffect },
) =>
  z.strictObject(
    {
      description: text.default('').describe('A sentence about the model, for people.'),
      task: task.describe('How input and output are shaped.'),
      ...own,
      ...withoutEffect,
      ...commonSettings,
    },
    'must be a mapping of settings',
  )

/**
 * `model.yaml`: the settings of its task and those of every model. Every setting has a default, so the file may be left
 * out; a model without a task takes bare tensors. The messages complete a sentence that starts with the setting's name.
 */
export const modelSettingsSchema = z.discriminatedUnion(
  'task',
  [
    settingsOfTask(taskNamed('tensors').optional().default('tensors'), tensorsSettings),
    settingsOfTask(taskNamed('tabular-classification'), tabularClassificationSettings),
    settingsOfTask(taskNamed('tabular-regression'), tabularRegressionSettings),
  ],
  // where the task is none of them, the other settings are checked all the same
  { error: 'must be a mapping of settings', unionFallback: true },
)

export type ModelSettings = z.infer<typeof modelSettingsSchema>
type TaskName = ModelSettings['task']
export type SettingsOf<Name extends TaskName> = Extract<ModelSettings, { task: Name }>

/** The tasks that a setting is for. */
export const tasksOfSetting = (setting: string): string[] =>
  tasks.filter(({ own }) => Object.hasOwn(own, setting)).map(({ task }) => task)

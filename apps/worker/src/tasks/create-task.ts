import { createTabularClassificationTask } from './tabular-classification/tabular-classification.ts'
import { createTabularRegressionTask } from './tabular-regression/tabular-regression.ts'
import type { TaskName } from './task-names.ts'
import type { CreateTask } from './task.ts'
import { createTensorsTask } from './tensors/tensors.ts'

const creators: Record<TaskName, CreateTask> = {
  tensors: createTensorsTask,
  'tabular-classification': createTabularClassificationTask,
  'tabular-regression': createTabularRegressionTask,
}

/** The task that `model.yaml` asks for. Throws a `Refusal` where it doesn't fit the model. */
export const createTask: CreateTask = (options) => creators[options.settings.task](options)

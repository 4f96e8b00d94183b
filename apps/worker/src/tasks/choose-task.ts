import type { ModelSettings } from './model-settings.ts'
import { tabularClassificationTask } from './tabular-classification/tabular-classification.ts'
import { tabularRegressionTask } from './tabular-regression/tabular-regression.ts'
import type { ModelShape, Task, TaskKind, TaskNeeds } from './task.ts'
import { tensorsTask } from './tensors/tensors.ts'

/** A kind of task with the settings of one model. */
export type ChosenTask = { needs: TaskNeeds; create: (model: ModelShape) => Task }

/** The task that `model.yaml` asks for. */
export const chooseTask = (settings: ModelSettings): ChosenTask => {
  switch (settings.task) {
    case 'tensors':
      return choose(tensorsTask, settings)
    case 'tabular-classification':
      return choose(tabularClassificationTask, settings)
    case 'tabular-regression':
      return choose(tabularRegressionTask, settings)
  }
}

const choose = <Settings extends ModelSettings>(
  { needs, create }: TaskKind<Settings>,
  settings: Settings,
): ChosenTask => ({ needs, create: (model) => create(settings, model) })

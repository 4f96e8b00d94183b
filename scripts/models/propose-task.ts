import { z } from 'zod'
import { Refusal } from '../../apps/worker/src/refusal.ts'
import { readModelSettings } from '../../apps/worker/src/repository/read-model-settings.ts'
import { chooseTask } from '../../apps/worker/src/tasks/choose-task.ts'
import type { ModelSettings } from '../../apps/worker/src/tasks/model-settings.ts'
import type { Task } from '../../apps/worker/src/tasks/task.ts'
import { findRowLayout } from '../../apps/worker/src/tensors/row-layout.ts'
import { isFloat, showShape } from '../../apps/worker/src/tensors/tensor.ts'
import type { Label, OutputInfo, Signature, TensorInfo } from '../../apps/worker/src/tensors/tensor.ts'

export type TaskName = ModelSettings['task']

/** The task that a model looks made for, and what of it belongs into `model.yaml`. */
export type Proposal = {
  task: TaskName
  /** the end of a sentence that begins with since */
  why: string
  /** why it is not the task that was asked for */
  misfit?: string
  /** only where a task can't tell them from the inputs */
  features?: { name: string; input: string }[]
  /** else the columns of its inputs: by the names of the inputs, or numbered */
  columns?: string[]
  /** the classes that the file holds */
  labels?: Label[]
}

type Model = { signature: Signature; operators: ReadonlySet<string> }

/**
 * Proposes a task from what the file says. The tabular ones are friendlier, so they come first; each is proposed only where the
 * task itself takes the model, which is made here just as an executor makes it, and where something in the file says
 * that it was made for it. Any model fits `tensors`.
 */
export const proposeTask = (model: Model): Proposal => {
  const classes = whyClassification(model)
  if (classes !== undefined) return proposeTabular('tabular-classification', model, classes)
  const value = whyRegression(model)
  if (value !== undefined) return proposeTabular('tabular-regression', model, value)
  return {
    task: 'tensors',
    why: 'nothing in the file says that it is a classifier, or a regression of columns',
  }
}

/** The same for a task that was chosen already. */
export const proposeFor = (task: TaskName, model: Model): Proposal =>
  task === 'tensors' ? { task, why: 'it was asked for' } : proposeTabular(task, model, 'it was asked for')

const proposeTabular = (task: Exclude<TaskName, 'tensors'>, { signature }: Model, why: string): Proposal => {
  const features = needsFeatures(signature) ? featuresOf(signature) : undefined
  try {
    const created = createTask(task, signature, features)
    const labels = labelsOf(created)
    return {
      task,
      why,
      ...(features ? { features } : { columns: columnsOf(signature) }),
      ...(labels ? { labels } : {}),
    }
  } catch (err) {
    if (!(err instanceof Refusal)) throw err
    return {
      task: 'tensors',
      why: `${why}, but ${task} does not fit: ${err.message}`,
      misfit: err.message,
    }
  }
}

const createTask = (task: TaskName, signature: Signature, features: Proposal['features']) =>
  chooseTask(readModelSettings(JSON.stringify({ task, ...(features ? { features } : {}) }))).create({
    signature,
    layout: findRowLayout(signature),
  })

const outputSchema = z.object({
  properties: z.object({
    prediction: z.object({ enum: z.array(z.union([z.string(), z.number()])).optional() }),
  }),
})

/** Where the task has to number the classes it warns: then they are not in the file. */
const labelsOf = ({ outputSchema: schema, warnings }: Task) =>
  warnings.length > 0 ? undefined : outputSchema.safeParse(schema).data?.properties.prediction.enum

const whyClassification = ({ signature: { inputs, outputs }, operators }: Model) => {
  const holdsClasses =
    outputs.some(({ labels }) => labels !== undefined) ||
    [...operators].some((one) => /Classifier$|^ZipMap$/.test(one))
  const label = outputs.find(isLabel)
  const scores = outputs.filter(({ type, shape }) => isFloat(type) && shape.length < 3)
  if (label && (holdsClasses || /label|class/i.test(label.name))) {
    const beside = scores.length > 0 ? `, and ${namesOf(scores)} scores` : ''
    return `${describeInputs(inputs)}, ${label.name} (${label.type}) is a class for each row${beside}`
  }
  const [only] = scores
  const isScores = only?.shape.length === 2 && (holdsClasses || /prob|softmax/i.test(only.name))
  return isScores && outputs.length === 1
    ? `${describeInputs(inputs)}, and ${only.name} has a score for each class`
    : undefined
}

const isLabel = ({ type, shape }: OutputInfo) =>
  !isFloat(type) && type !== 'bool' && (shape.length === 1 || (shape.length === 2 && shape[1] === 1))

const whyRegression = ({ signature: { inputs, outputs }, operators }: Model) => {
  const [value] = outputs
  if (!value || outputs.length > 1 || !isFloat(value.type)) return undefined
  if (value.shape.length < 1 || value.shape.length > 2) return undefined
  const gives = `${describeInputs(inputs)}, and ${value.name} ${showShape(value.shape)}`
  if ([...operators].some((one) => one.endsWith('Regressor'))) return `${gives} is what its regressor gives`
  if (/^variable$|predict|target/i.test(value.name)) return `${gives} is named like the value of a regression`
  const isTable = inputs.every(hasColumns) && (inputs.length > 1 || widthOf(inputs[0]) !== 1)
  return isTable && widthOf(value) === 1 ? `${gives} is one number for each row` : undefined
}

const describeInputs = (inputs: TensorInfo[]) => {
  const [matrix] = inputs
  if (matrix && inputs.length === 1)
    return `${matrix.name} ${showShape(matrix.shape)} (${matrix.type}) has rows`
  return inputs.every((input) => widthOf(input) === 1)
    ? `its ${inputs.length} inputs are a column each`
    : `its ${inputs.length} inputs have rows`
}

const hasColumns = (input: TensorInfo) =>
  input.shape.length > 0 && input.shape.length < 3 && typeof widthOf(input) === 'number'

const widthOf = (info: TensorInfo | undefined) =>
  info === undefined || info.shape.length < 2 ? 1 : info.shape[1]

/** Of a matrix beside other inputs nothing says which features are its columns. */
const needsFeatures = ({ inputs }: Signature) =>
  inputs.length > 1 && inputs.every(hasColumns) && inputs.some((input) => widthOf(input) !== 1)

const featuresOf = ({ inputs }: Signature) =>
  inputs.flatMap((input) => {
    const width = Number(widthOf(input))
    if (width === 1) return [{ name: input.name, input: input.name }]
    return Array.from({ length: width }, (_, column) => ({
      name: `${input.name}_${column}`,
      input: input.name,
    }))
  })

/** A single matrix has no names for its columns. */
const columnsOf = ({ inputs }: Signature) => {
  const [matrix] = inputs
  const width = matrix && inputs.length === 1 ? widthOf(matrix) : 1
  return typeof width === 'number' && width > 1 ? numbered(width) : inputs.map(({ name }) => name)
}

const numbered = (count: number) => Array.from({ length: count }, (_, index) => `feature_${index}`)

const namesOf = (outputs: OutputInfo[]) => {
  if (outputs.length > 3) return `${outputs.length} other outputs have`
  return `${outputs.map(({ name }) => name).join(', ')} ${outputs.length === 1 ? 'has' : 'have'}`
}

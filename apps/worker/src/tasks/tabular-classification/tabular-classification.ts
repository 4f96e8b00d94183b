import type { JsonSchema } from '@onqueue/shared'
import type { SettingsOf } from '../model-settings.ts'
import type { RowResult } from '../row-result.ts'
import { createReader } from '../../tensors/element-reader.ts'
import { Refusal } from '../../refusal.ts'
import { rowsOfOutput } from '../../tensors/row-layout.ts'
import type { RowLayout } from '../../tensors/row-layout.ts'
import { isFloat } from '../../tensors/tensor.ts'
import type { Label, OutputInfo, TensorData, Tensors } from '../../tensors/tensor.ts'
import { chooseOutput } from '../tabular/choose-output.ts'
import { argmax, createScoreReader } from './class-scores.ts'
import type { ReadScores } from './class-scores.ts'
import { closedObject } from '../nested-schema.ts'
import { createLabelReader, resolveLabels } from './resolve-labels.ts'
import { planColumns } from '../tabular/tabular-columns.ts'
import { encodeTabular, tabularInputSchema } from '../tabular/tabular-input.ts'
import { invalidOutput, isObject } from '../task.ts'
import type { TaskKind } from '../task.ts'

/** Output: `{ prediction, probabilities: { label: p } }`; probabilities are null where the model gives no scores. */
export const tabularClassificationTask: TaskKind<SettingsOf<'tabular-classification'>> = {
  needs: { classLabels: true },
  create: (settings, { signature, layout }) => {
    const plan = planColumns({ features: settings.features, inputs: signature.inputs, layout })
    const { outputs } = signature
    const label = chooseOutput({
      setting: 'label',
      wanted: settings.output.label,
      outputs: outputs.filter((output) => output.name !== settings.output.scores),
      couldBe: isLabel,
      suggestive: [/label/i, /class|predict/i],
    })
    const scores = chooseOutput({
      setting: 'scores',
      wanted: settings.output.scores,
      outputs: outputs.filter((output) => output !== label),
      couldBe: isScores,
      suggestive: [/prob/i, /score|logit|confidence/i],
    })
    if (!label && !scores) {
      throw new Refusal(
        `none of its outputs is a label or a matrix of scores: ${outputs.map((output) => output.name).join(', ')}`,
      )
    }
    const { labels, warnings } = resolveLabels({ given: settings.labels, label, scores })
    const decoder: Decoder = {
      layout,
      labels: labels ?? [],
      ...(label ? { label: { output: label, toLabel: createLabelReader({ labels, label }) } } : {}),
      ...(scores && labels ? { scores: openScores(scores, labels, settings.output.activation) } : {}),
    }
    return {
      inputSchema: tabularInputSchema(plan),
      outputSchema: describeOutput({ labels, label, hasScores: scores !== undefined }),
      outputNames: [label, scores].flatMap((output) => (output ? [output.name] : [])),
      warnings,
      encode: (rows) => encodeTabular(rows, plan),
      decode: (tensors, rowCount) => decodeClasses(tensors, rowCount, decoder),
      review: (results) =>
        results.every(hasProbabilities)
          ? []
          : ['its scores are not probabilities; set output.activation in model.yaml'],
    }
  },
}

const hasProbabilities = (result: RowResult) => {
  const output = result.ok && isObject(result.output) ? result.output['probabilities'] : undefined
  return (
    !isObject(output) ||
    Object.values(output).every((value) => Number(value) > -1e-5 && Number(value) < 1 + 1e-5)
  )
}

type Decoder = {
  layout: RowLayout
  labels: Label[]
  label?: { output: OutputInfo; toLabel: (value: Label) => Label | undefined }
  scores?: { output: OutputInfo; columns: number; readScores: ReadScores }
}

/** A value for each row, of any type but floating point. Of unknown shape may be one too. */
const isLabel = ({ type, shape }: OutputInfo) =>
  !isFloat(type) && type !== 'bool' && (shape.length < 2 || (shape.length === 2 && shape[1] === 1))

const isScores = ({ type, shape }: OutputInfo) => isFloat(type) && shape.length < 3

const openScores = (output: OutputInfo, labels: Label[], activation: 'none' | 'softmax' | 'sigmoid') => {
  const width = output.shape.length === 2 ? output.shape[1] : output.shape.length
  const columns = typeof width === 'number' && width > 0 ? width : labels.length
  return { output, columns, readScores: createScoreReader({ columns, activation, type: output.type }) }
}

const describeOutput = (options: {
  labels: Label[] | undefined
  label: OutputInfo | undefined
  hasScores: boolean
}): JsonSchema => {
  const { labels, label, hasScores } = options
  const probability = { type: 'number' }
  return closedObject({
    prediction: labels ? { enum: labels } : { type: label?.type === 'string' ? 'string' : 'integer' },
    probabilities: hasScores
      ? closedObject(Object.fromEntries((labels ?? []).map((name) => [String(name), probability])))
      : { type: 'null' },
  })
}

const decodeClasses = (tensors: Tensors, rowCount: number, decoder: Decoder): RowResult[] => {
  const { layout, label, scores } = decoder
  const rowsOf = ({ name }: OutputInfo) => rowsOfOutput(layout, name, rowCount)
  const labelTensor = label && tensors[label.output.name]
  const scoreTensor = scores && tensors[scores.output.name]
  const wrong =
    (label && checkSize(label.output, labelTensor, rowsOf(label.output))) ??
    (scores && checkSize(scores.output, scoreTensor, rowsOf(scores.output) * scores.columns))
  const readLabel = labelTensor && createReader(labelTensor)
  return Array.from({ length: rowCount }, (_, row) =>
    wrong === undefined ? decodeRow(row, decoder, readLabel?.(row), scoreTensor) : invalidOutput(wrong),
  )
}

const checkSize = ({ name }: OutputInfo, tensor: TensorData | undefined, elements: number) =>
  tensor?.data.length === elements ? undefined : `output ${name} does not have the same elements for each row`

const decodeRow = (
  row: number,
  { labels, label, scores }: Decoder,
  value: unknown,
  scoreTensor: TensorData | undefined,
): RowResult => {
  const probabilities = scores?.readScores((column) =>
    Number(scoreTensor?.data[row * scores.columns + column]),
  )
  if (typeof probabilities === 'string') return invalidOutput(probabilities)
  const prediction =
    label && (typeof value === 'string' || typeof value === 'number')
      ? label.toLabel(value)
      : labels[argmax(probabilities ?? [])]
  if (prediction === undefined) return invalidOutput('the predicted class is none of the labels')
  return {
    ok: true,
    output: { prediction, probabilities: probabilities ? nameScores(labels, probabilities) : null },
  }
}

const nameScores = (labels: Label[], probabilities: number[]) => {
  const named: Record<string, number | undefined> = {}
  for (const [index, label] of labels.entries()) named[label] = probabilities[index]
  return named
}

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
import { areProbabilities, argmax, createRawScoreReader, createScoreReader } from './class-scores.ts'
import type { ReadScores } from './class-scores.ts'
import { closedObject, nestedSchema } from '../nested-schema.ts'
import { createLabelReader, resolveLabels } from './resolve-labels.ts'
import { asMatrix, findScoreColumns, joinColumns, withColumns } from './score-columns.ts'
import { planColumns } from '../tabular/tabular-columns.ts'
import { encodeTabular, placeOfFeature, tabularInputSchema } from '../tabular/tabular-input.ts'
import { invalidOutput } from '../task.ts'
import type { TaskKind } from '../task.ts'

/**
 * Output: `{ prediction, probabilities: { label: p } }`; probabilities are null where the model gives no scores. Where it gives
 * scores that are none, such as distances, they are beside it: `{ prediction, probabilities: null, scores: { label: s } }`.
 */
export const tabularClassificationTask: TaskKind<SettingsOf<'tabular-classification'>> = {
  needs: { classLabels: true },
  create: (settings, { signature, layout, seen = [] }) => {
    const plan = planColumns({ ...settings, inputs: signature.inputs, layout })
    const { outputs } = signature
    const label = chooseOutput({
      setting: 'label',
      wanted: settings.output.label,
      outputs: outputs.filter((output) => output.name !== settings.output.scores),
      couldBe: isLabel,
      suggestive: [/label/i, /class|predict/i],
    })
    const others = outputs.filter((output) => output !== label)
    const columns = settings.output.scores === undefined ? findScoreColumns(others) : undefined
    const scores = columns
      ? asMatrix(columns, label)
      : chooseOutput({
          setting: 'scores',
          wanted: settings.output.scores,
          outputs: others,
          couldBe: isScores,
          suggestive: [/prob/i, /score|logit|confidence/i],
        })
    const joined = (tensors: Tensors) => (columns && scores ? joinColumns(tensors, columns, scores) : tensors)
    if (!label && !scores) {
      throw new Refusal(
        `none of its outputs is a label or a matrix of scores: ${outputs.map((output) => output.name).join(', ')}`,
      )
    }
    const { labels, warnings } = resolveLabels({
      given: settings.labels,
      label,
      scores,
      seen: label ? seen.flatMap((outputs) => labelsIn(outputs[label.name])) : [],
    })
    const { activation } = settings.output
    const areRaw =
      activation === 'none' && !seen.every((tensors) => areProbabilities(scoresIn(joined(tensors), scores)))
    // without a name for each they are given as they are, too
    const isNamed = labels !== undefined && !areRaw
    const opened = scores && openScores(scores, { labels, activation, areScoresProbabilities: isNamed })
    const decoder: Decoder = {
      layout: columns ? withColumns(layout, columns, scores) : layout,
      labels: labels ?? [],
      ...(label ? { label: { output: label, toLabel: createLabelReader({ labels, label }) } } : {}),
      ...(opened ? { scores: opened } : {}),
    }
    return {
      inputSchema: tabularInputSchema(plan),
      outputSchema: describeOutput({ labels, label, scores: opened }),
      outputNames: [label, ...(columns ?? [scores])].flatMap((output) => (output ? [output.name] : [])),
      warnings: areRaw ? [...warnings, noProbabilities] : warnings,
      placeOf: placeOfFeature(plan),
      encode: (rows) => encodeTabular(rows, plan),
      decode: (tensors, rowCount) => decodeClasses(joined(tensors), rowCount, decoder),
    }
  },
}

const noProbabilities =
  'its scores are not probabilities, and given as they are; set output.activation in model.yaml to make some of them'

const labelsIn = (tensor: TensorData | undefined): Label[] =>
  tensor
    ? Array.from<unknown, Label>(tensor.data, (value) => (typeof value === 'string' ? value : Number(value)))
    : []

const scoresIn = (outputs: Tensors, scores: OutputInfo | undefined): Iterable<unknown> =>
  (scores && outputs[scores.name]?.data) ?? []

type Scores = { output: OutputInfo; columns: number; areProbabilities: boolean; readScores: ReadScores }

type Decoder = {
  layout: RowLayout
  labels: Label[]
  label?: { output: OutputInfo; toLabel: (value: Label) => Label | undefined }
  scores?: Scores
}

/** A value for each row, of any type but floating point. Of unknown shape may be one too. */
const isLabel = ({ type, shape }: OutputInfo) =>
  !isFloat(type) && type !== 'bool' && (shape.length < 2 || (shape.length === 2 && shape[1] === 1))

const isScores = ({ type, shape }: OutputInfo) => isFloat(type) && shape.length < 3

const openScores = (
  output: OutputInfo,
  {
    labels = [],
    activation,
    areScoresProbabilities,
  }: {
    labels: Label[] | undefined
    activation: 'none' | 'softmax' | 'sigmoid'
    areScoresProbabilities: boolean
  },
): Scores => {
  const width = output.shape.length === 2 ? output.shape[1] : output.shape.length
  const columns = typeof width === 'number' && width > 0 ? width : labels.length
  const { type } = output
  const readScores = areScoresProbabilities
    ? createScoreReader({ columns, activation, type })
    : createRawScoreReader({ columns, type })
  return { output, columns, areProbabilities: areScoresProbabilities, readScores }
}

const describeOutput = (options: {
  labels: Label[] | undefined
  label: OutputInfo | undefined
  scores: Scores | undefined
}): JsonSchema => {
  const { labels, label, scores } = options
  const ofEach = closedObject(
    Object.fromEntries((labels ?? []).map((name) => [String(name), { type: 'number' }])),
  )
  const prediction = labels ? { enum: labels } : { type: label?.type === 'string' ? 'string' : 'integer' }
  if (!scores) return closedObject({ prediction, probabilities: { type: 'null' } })
  if (scores.areProbabilities) return closedObject({ prediction, probabilities: ofEach })
  const raw = isOfEach(scores, labels)
    ? ofEach
    : nestedSchema({ type: 'number' }, scores.columns === 1 ? [] : [scores.columns])
  return closedObject({ prediction, probabilities: { type: 'null' }, scores: raw })
}

/** Whether there is a raw score for each of the labels that are known. */
const isOfEach = ({ columns }: Scores, labels: readonly Label[] | undefined) =>
  columns > 1 && columns === labels?.length

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
  const values = scores?.readScores((column) => Number(scoreTensor?.data[row * scores.columns + column]))
  if (typeof values === 'string') return invalidOutput(values)
  const best = scores && !scores.areProbabilities && scores.columns === 1 ? -1 : argmax(values ?? [])
  const prediction =
    label && (typeof value === 'string' || typeof value === 'number') ? label.toLabel(value) : labels[best]
  if (prediction === undefined) {
    return invalidOutput(
      best < 0 && !label
        ? 'its score is not a probability; set output.activation'
        : 'the predicted class is none of the labels',
    )
  }
  if (!scores || !values) return { ok: true, output: { prediction, probabilities: null } }
  if (scores.areProbabilities) {
    return { ok: true, output: { prediction, probabilities: nameScores(labels, values) } }
  }
  const raw = isOfEach(scores, labels)
    ? nameScores(labels, values)
    : scores.columns === 1
      ? values[0]
      : values
  return { ok: true, output: { prediction, probabilities: null, scores: raw } }
}

const nameScores = (labels: Label[], probabilities: number[]) => {
  const named: Record<string, number | undefined> = {}
  for (const [index, label] of labels.entries()) named[label] = probabilities[index]
  return named
}

import { Refusal } from '../../refusal.ts'
import type { Label, OutputInfo } from '../../tensors/tensor.ts'

/**
 * The labels of a classifier: `labels` of `model.yaml`, else those in the ONNX file, else (where the classes are
 * integers) those that sample rows got, if they are as many as there are scores, or their numbers from 0. Undefined where
 * there are no scores, and so no need to know all classes, or where they are integers that are not known.
 */
export const resolveLabels = (options: {
  given: Label[] | undefined
  label: OutputInfo | undefined
  scores: OutputInfo | undefined
  /** label outputs of sample rows */
  seen: readonly Label[]
}): { labels: Label[] | undefined; warnings: string[] } => {
  const { given, label, scores, seen } = options
  const inFile = scores?.labels ?? label?.labels
  const columns = scores && (scores.shape.length === 2 ? scores.shape[1] : 1)
  const labels = given ?? inFile
  if (labels) {
    checkLabels(labels, typeof columns === 'number' ? columns : undefined)
    checkOrder(labels, inFile)
    return { labels, warnings: [] }
  }
  if (columns === undefined) return { labels: undefined, warnings: [] }
  if (label?.type === 'string' || typeof columns !== 'number') {
    throw new Refusal(
      'its labels are not in the ONNX file; list them under labels in model.yaml, in the order of the scores',
    )
  }
  const count = Math.max(2, columns)
  const isNumbered = seen.every((one) => Number(one) >= 0 && Number(one) < count)
  if (!isNumbered) {
    // converters have classes in the order of numbers
    const known = [...new Set(seen)].toSorted((a, b) => Number(a) - Number(b))
    const labels = known.length === count ? known : undefined
    return { labels, warnings: labels ? [] : [openLabels] }
  }
  return {
    labels: Array.from({ length: count }, (_, index) => index),
    warnings: [`its classes are numbered 0 to ${count - 1}; list labels in model.yaml to name them`],
  }
}

const openLabels =
  'its classes are not in the ONNX file; list labels in model.yaml, in the order of the scores'

/** One column is the score of the second of two labels. */
const checkLabels = (labels: Label[], columns: number | undefined) => {
  const names = labels.map(String)
  const twice = names.find((name, index) => names.indexOf(name) !== index)
  if (twice !== undefined) throw new Refusal(`labels: ${twice} is listed twice`)
  if (names.includes('__proto__')) throw new Refusal("labels: __proto__ can't be a label")
  if (columns !== undefined && labels.length !== Math.max(2, columns)) {
    throw new Refusal(`labels: there are ${labels.length} for ${columns} columns of scores`)
  }
}

/** Labels may be renamed, but the same ones in another order would be given to the wrong scores. */
const checkOrder = (labels: Label[], inFile: Label[] | undefined) => {
  const differ = inFile?.some((label, index) => label !== labels[index])
  if (
    inFile &&
    differ &&
    inFile.length === labels.length &&
    inFile.every((label) => labels.includes(label))
  ) {
    throw new Refusal(
      `labels: the scores are in the order ${inFile.join(', ')}; list them in that order, or leave them out`,
    )
  }
}

/**
 * Makes the label of what the label output holds, or undefined when that is no class.
 *
 * The value may be a label itself, one of the file's own labels that `model.yaml` renames, or a class's number.
 */
export const createLabelReader = (options: {
  labels: Label[] | undefined
  label: OutputInfo
}): ((value: Label) => Label | undefined) => {
  const { labels, label } = options
  if (!labels) return (value) => value
  const isText = label.type === 'string'
  if (label.labels) {
    const renamed = new Map(label.labels.map((own, index) => [own, labels[index]]))
    return (value) => renamed.get(value)
  }
  if (labels.every((one) => (typeof one === 'string') === isText)) {
    const known = new Set(labels)
    return (value) => (known.has(value) ? value : undefined)
  }
  if (isText) throw new Refusal(`labels: output ${label.name} holds text, so the labels have to be text too`)
  return (value) => labels[Number(value)]
}

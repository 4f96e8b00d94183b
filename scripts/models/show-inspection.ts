import { showShape } from '../../apps/worker/src/tensors/tensor.ts'
import { escapeControls } from '../commands/escape-controls.ts'
import type { ExternalFile, Inspection } from './inspect-model.ts'
import { proposedSettings } from './model-yaml.ts'
import type { OnnxValue } from './onnx-facts.ts'
import { showColumns } from './show-columns.ts'
import { showSize } from '../commands/show-size.ts'

/** What was found in a file, as lines for people. */
export const showInspection = (inspection: Inspection): string[] => {
  const { file, bytes, sha256, irVersion, producer, opsets, inputs, outputs, labels, externalFiles } =
    inspection
  return [
    ...showColumns([
      ['file', file],
      ['size', showSize(bytes)],
      ['sha256', sha256],
      ['producer', producer || 'not named'],
      ['opsets', opsets.map(({ domain, version }) => `${domain} ${version}`).join(', ') || 'none'],
      ['operators', showSome(inspection.operators)],
      ['IR version', String(irVersion ?? 'none')],
      ...externalFiles.map((external) => ['weights', describeExternal(external)]),
    ]),
    '',
    ...showColumns([...inputs.map(rowOf('input')), ...outputs.map(rowOf('output'))]),
    ...section(showClasses(labels)),
    ...section(showMissing(inspection)),
    ...section(showProposal(inspection)),
  ]
}

const section = (lines: string[]) => (lines.length === 0 ? [] : ['', ...lines.map(escapeControls)])

const rowOf = (kind: string) => (value: OnnxValue) => [kind, value.name, value.type, showAxes(value)]

const showAxes = ({ type, shape }: OnnxValue) => {
  if (shape) return shape.length === 0 ? '[] (no axes)' : showShape(shape)
  return type.includes('(') ? '' : 'of a shape that the file does not say'
}

const describeExternal = ({ file, bytes, isOutside }: ExternalFile) => {
  if (isOutside)
    return `${file}: in another folder, where it is not read: export the model with its weights beside it`
  return bytes === null ? `${file}: MISSING: put it beside the model` : `${file} (${showSize(bytes)})`
}

/** Those of the label are mostly those of the scores, too. */
const showClasses = (labels: Inspection['labels']) =>
  [...Map.groupBy(labels, (of) => showSome(of.labels))].map(
    ([classes, of]) => `Classes (${of.map(({ output }) => output).join(', ')}): ${classes}`,
  )

const showSome = (labels: (string | number)[]) =>
  labels.slice(0, 20).join(', ') + (labels.length > 20 ? `, … (${labels.length})` : '')

const showMissing = ({ takesMissing }: Inspection) =>
  takesMissing.length === 0 ? [] : [`null is a missing value in: ${takesMissing.join(', ')}`]

const showProposal = ({ proposal, unfit }: Inspection) => {
  if (!proposal) return [`It can't be served: ${unfit}.`]
  const settings = proposedSettings(proposal)
  return [
    `Proposed task: ${proposal.task}, since ${proposal.why}.`,
    ...(settings.length === 0
      ? ['It needs no model.yaml.']
      : ['Its model.yaml:', '', ...settings.map((line) => `  ${line}`)]),
  ]
}

import type { SettingsOf } from '../model-settings.ts'
import type { RowResult } from '../row-result.ts'
import { createReader } from '../../tensors/element-reader.ts'
import { outputElementSchema } from '../../tensors/element-schema.ts'
import { Refusal } from '../../refusal.ts'
import { rowsOfOutput } from '../../tensors/row-layout.ts'
import type { RowLayout } from '../../tensors/row-layout.ts'
import type { OutputInfo, Tensors } from '../../tensors/tensor.ts'
import { chooseOutput } from '../tabular/choose-output.ts'
import { closedObject, nestedSchema } from '../nested-schema.ts'
import { planColumns } from '../tabular/tabular-columns.ts'
import { encodeTabular, placeOfFeature, tabularInputSchema } from '../tabular/tabular-input.ts'
import { invalidOutput } from '../task.ts'
import type { TaskKind } from '../task.ts'

/** Output: `{ prediction: number }`, or an array of numbers where the model has several targets. */
export const tabularRegressionTask: TaskKind<SettingsOf<'tabular-regression'>> = {
  needs: { classLabels: false },
  create: (settings, { signature, layout }) => {
    const plan = planColumns({ ...settings, inputs: signature.inputs, layout })
    const value = chooseOutput({
      setting: 'value',
      wanted: settings.output.value,
      outputs: signature.outputs,
      couldBe: ({ type, shape }) => type !== 'string' && type !== 'bool' && shape.length < 3,
      suggestive: [/predict|variable|value|target/i],
    })
    if (!value) throw new Refusal('none of its outputs is a number, or a list of numbers, for each row')
    const element = outputElementSchema(value.type)
    const targets = value.shape.length === 2 ? value.shape[1] : 1
    return {
      inputSchema: tabularInputSchema(plan),
      outputSchema: closedObject({
        prediction: targets === 1 ? element : nestedSchema(element, [targets ?? '']),
      }),
      outputNames: [value.name],
      warnings: [],
      placeOf: placeOfFeature(plan),
      encode: (rows) => encodeTabular(rows, plan),
      decode: (tensors, rowCount) =>
        decodeValues(tensors, { value, isSingle: targets === 1, rowCount, layout }),
    }
  },
}

const decodeValues = (
  tensors: Tensors,
  {
    value,
    isSingle,
    rowCount,
    layout,
  }: { value: OutputInfo; isSingle: boolean; rowCount: number; layout: RowLayout },
): RowResult[] => {
  const tensor = tensors[value.name]
  const targets = (tensor?.data.length ?? 0) / rowsOfOutput(layout, value.name, rowCount)
  const isComplete = isSingle ? targets === 1 : Number.isInteger(targets) && targets > 0
  if (!tensor || !isComplete) {
    return Array.from({ length: rowCount }, () =>
      invalidOutput(`output ${value.name} does not have the same elements for each row`),
    )
  }
  const read = createReader(tensor)
  return Array.from({ length: rowCount }, (_, row): RowResult => {
    const prediction = isSingle
      ? read(row)
      : Array.from({ length: targets }, (_, target) => read(row * targets + target))
    return { ok: true, output: { prediction } }
  })
}

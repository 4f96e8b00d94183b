import type { JsonSchema } from '@onqueue/shared'
import type { RowProblem } from '@onqueue/shared/rows'
import type { RowResult } from './row-result.ts'
import type { ModelSettings } from './model-settings.ts'
import type { RowLayout } from '../tensors/row-layout.ts'
import type { Signature, Tensors } from '../tensors/tensor.ts'

export type EncodedRows = {
  /** rows of one shape, which may run together; `positions` are theirs in what was given */
  groups: { positions: number[]; feeds: Tensors }[]
  problems: Map<number, RowProblem>
}

/** A column of an input. */
export type InputPlace = { input: string; column: number }

/** How the input and output of a model are shaped. Plain functions of what the ONNX file and `model.yaml` say. */
export type Task = {
  /** of one row */
  inputSchema: JsonSchema
  /** of one row */
  outputSchema: JsonSchema
  /** the outputs that are needed of a run */
  outputNames: string[]
  /** what whoever runs the model should know */
  warnings: string[]
  /** where a value of a row goes: by the property that it is in, and its number in the array there. By default to an input of that name. */
  placeOf?(property: string, index: number): InputPlace | undefined
  /**
   * Checks each row by the whole input schema, and makes tensors of those that are valid. Never throws or rejects. A row
   * is encoded once, however it is run.
   */
  encode(rows: unknown[]): EncodedRows | Promise<EncodedRows>
  /** Makes rows of the tensors of `rowCount` encoded rows; what doesn't fit the output schema is an error of its row. */
  decode(outputs: Tensors, rowCount: number): RowResult[]
}

/** What a task is made for: what the ONNX file says of the model, and how rows lie in its tensors. */
export type ModelShape = {
  signature: Signature
  layout: RowLayout
  /** what sample rows got, where some have run */
  seen?: readonly Tensors[]
}

/** What a task takes from the ONNX file beyond the signature. */
export type TaskNeeds = { classLabels: boolean }

/** One of the tasks that `model.yaml` can ask for. Its settings, which take zod, are in a file beside it. */
export type TaskKind<Settings extends ModelSettings> = {
  needs: TaskNeeds
  /** Throws a `Refusal` where the settings don't fit the model. */
  create: (settings: Settings, model: ModelShape) => Task
}

export const describeProblem = ({ pointer, detail }: RowProblem) =>
  pointer === '' ? detail : `${pointer}: ${detail}`

export const invalidOutput = (detail: string): RowResult => ({ ok: false, code: 'invalid_output', detail })

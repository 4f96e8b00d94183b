/** Every task; `tensors` is that of a model without a `model.yaml`. */
export const taskNames = ['tensors', 'tabular-classification', 'tabular-regression'] as const
export type TaskName = (typeof taskNames)[number]

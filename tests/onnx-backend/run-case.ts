import { z } from 'zod'
import { readModelSettings } from '../../apps/worker/src/repository/read-model-settings.ts'
import { ExecutorDied } from '../../apps/worker/src/supervision/executor-died.ts'
import { Executor } from '../../apps/worker/src/supervision/executor.ts'
import { VersionRefused } from '../../apps/worker/src/supervision/load-version.ts'
import type { BackendCase } from './backend-case.ts'
import { isSame } from './compare.ts'
import { runWithoutUs } from './run-without-us.ts'

/**
 * | kind | what came of a case |
 * | --- | --- |
 * | right | the reference's answer |
 * | refused | it was not loaded, for the reason given |
 * | input refused | what the test sends is refused, for the reason given |
 * | run failed | ONNX Runtime threw, with what is given |
 * | runtime differs | the answer is ONNX Runtime's, which is not the reference's |
 * | another contract | the answer is neither: it is to be none |
 * | ended | its executor ended, with what is given |
 */
export type Verdict = {
  kind:
    'right' | 'refused' | 'input refused' | 'run failed' | 'runtime differs' | 'another contract' | 'ended'
  detail: string
}

const loadLimitMs = 60_000
const runLimitMs = 20_000

/** Loads a case in an executor, sends what it has as its interface wants it, and judges the answer. */
export const runCase = async (one: BackendCase): Promise<Verdict> => {
  const { name, dir, onnxPath } = one
  const definition = { name, version: '1', digest: '', dir, onnxPath, settings: readModelSettings('') }
  const signal = AbortSignal.timeout(loadLimitMs)
  let executor: Executor
  try {
    executor = await Executor.start({ definition, threads: 1, timeoutMs: runLimitMs, signal })
  } catch (err) {
    if (err instanceof VersionRefused) return { kind: 'refused', detail: err.message }
    return { kind: 'ended', detail: signal.aborted ? 'it took too long to load' : String(err) }
  }
  try {
    return await ask(executor, one)
  } finally {
    executor.stop()
    await executor.ended
  }
}

const ask = async (executor: Executor, one: BackendCase): Promise<Verdict> => {
  const { inputSchema } = executor.description.interface
  const sent = toRows(inputSchema, one)
  if ('detail' in sent) return { kind: 'another contract', detail: sent.detail }
  if (sent.rows.length === 0) return { kind: 'input refused', detail: 'there is no row to send' }
  const schema = z.fromJSONSchema(inputSchema)
  for (const row of sent.rows) {
    const issue = schema.safeParse(row).error?.issues[0]
    if (issue) return { kind: 'input refused', detail: issue.message }
  }
  let answers: unknown[]
  try {
    const { results } = await executor.run(sent.rows, () => undefined)
    const failed = results.find((result) => !result.ok)
    if (failed && !failed.ok) {
      return { kind: failed.code === 'invalid_input' ? 'input refused' : 'run failed', detail: failed.detail }
    }
    answers = results.map((result) => result.ok && result.output.value())
  } catch (err) {
    const kind = err instanceof ExecutorDied ? 'ended' : 'run failed'
    return { kind, detail: String(err) }
  }
  return judge(one, answers, sent.areRows)
}

/** The whole tensors, or each row of them, as the interface says. */
const toRows = (
  inputSchema: unknown,
  { inputs }: BackendCase,
): { rows: Record<string, unknown>[]; areRows: boolean } | { detail: string } => {
  const { properties } = interfaceSchema.parse(inputSchema)
  const tensors = Object.entries(inputs).flatMap(([name, tensor]) => (tensor ? [{ name, ...tensor }] : []))
  const missing = tensors.map(({ name, dims }) => dims.length - depthOf(properties[name], dims.length))
  if (missing.every((axes) => axes === 0))
    return { rows: [Object.fromEntries(tensors.map(({ name, value }) => [name, value]))], areRows: false }
  const lengths = new Set(tensors.map(({ dims }) => dims[0]))
  const [length] = lengths
  if (!missing.every((axes) => axes === 1) || lengths.size !== 1 || length === undefined)
    return { detail: `its inputs lack ${missing.join(', ')} axes` }
  const rowOf = (index: number) =>
    Object.fromEntries(
      tensors.map(({ name, value }) => [name, Array.isArray(value) ? value[index] : undefined]),
    )
  return { rows: Array.from({ length }, (_, index) => rowOf(index)), areRows: true }
}

const interfaceSchema = z.object({ properties: z.record(z.string(), z.unknown()).default({}) })
const arraySchema = z.object({ type: z.literal('array'), items: z.unknown() })

/** Of how many arrays a value is; as many as there are where any will do. */
const depthOf = (schema: unknown, any: number): number => {
  const array = arraySchema.safeParse(schema)
  if (array.success) return 1 + depthOf(array.data.items, any)
  return JSON.stringify(schema ?? {}).includes('"array"') ? any : 0
}

const judge = async (one: BackendCase, answers: unknown[], areRows: boolean): Promise<Verdict> => {
  if (isAnswer(answers, one.outputs, areRows)) return { kind: 'right', detail: areRows ? 'rows' : 'whole' }
  const theirs = await runWithoutUs(one)
  const detail = `${areRows ? `${answers.length} rows` : 'whole'}: ${JSON.stringify(answers).slice(0, 200)}`
  return { kind: isAnswer(answers, theirs, areRows) ? 'runtime differs' : 'another contract', detail }
}

const outputSchema = z.record(z.string(), z.unknown())

/** Outputs are there for each row, or the same for all of them. */
const isAnswer = (answers: unknown[], wanted: BackendCase['outputs'], areRows: boolean) => {
  const outputs = answers.map((answer) => outputSchema.parse(answer))
  return Object.entries(wanted).every(([name, tensor]) => {
    const values = outputs.map((output) => output[name])
    // what is no tensor is left out of answers
    if (!tensor || values.every((value) => value === undefined)) return !tensor
    if (!areRows) return isSame(values[0], tensor.value)
    return isSame(values, tensor.value) || values.every((value) => isSame(value, tensor.value))
  })
}

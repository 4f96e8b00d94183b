import type { TextWriter } from '../../apps/worker/src/executor/batch/text-writer.ts'
import type { Probe } from '../../apps/worker/src/executor/probe.ts'

/** Encodes, runs, decodes and writes inputs that are known to be good; resolves to the text of their rows. */
export const runInputs = async (
  { probe: { session, task }, writer }: { probe: Probe; writer: TextWriter },
  inputs: unknown[],
  firstRow: number,
): Promise<string> => {
  const { groups } = await task.encode(inputs)
  const outputs = await session.run(groups[0]?.feeds ?? {}, task.outputNames)
  let row = firstRow
  let text = ''
  for (const result of task.decode(outputs, inputs.length)) {
    if (!result.ok) throw new Error(result.detail)
    text += writer.write(row, undefined, result)
    row += 1
  }
  return text
}

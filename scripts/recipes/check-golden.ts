import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import { readModelRepository } from '../../apps/worker/src/repository/read-model-repository.ts'
import { Executor } from '../../apps/worker/src/supervision/executor.ts'

const goldenSchema = z.object({
  versions: z.record(z.string(), z.string()),
  cases: z.array(z.object({ input: z.unknown(), output: z.unknown() })).min(1),
})

export type Checked = {
  versions: Record<string, string>
  rows: number
  /** whether rows share runs: null, or why not */
  alone: string | null
  /** where an answer is another than the library's, a sentence each */
  differences: string[]
}

/**
 * Loads a model of a folder of models in an executor, runs the inputs of its `golden.json` together, and compares the answers with those
 * of the library that made it. Throws where it can't be loaded.
 */
export const checkGolden = async (folder: string, name: string): Promise<Checked> => {
  const { definitions, refused } = await readModelRepository(folder)
  const definition = definitions.find((one) => one.name === name)
  if (!definition) {
    throw new Error(`${name}: ${refused.find((one) => one.name === name)?.reason ?? 'has no model.onnx'}`)
  }
  const golden = goldenSchema.parse(JSON.parse(await readFile(join(folder, name, 'golden.json'), 'utf8')))
  const executor = await Executor.start({ definition, threads: 1, timeoutMs: 30_000 })
  try {
    const { results } = await executor.run(
      golden.cases.map(({ input }) => input),
      () => undefined,
    )
    const differences = golden.cases.flatMap(({ output }, index) => {
      const result = results[index]
      if (!result?.ok) return [`/${index}: ${result?.detail ?? 'no answer'}`]
      return compare(result.output.value(), output, `/${index}`)
    })
    const { versions, cases } = golden
    return {
      versions,
      rows: cases.length,
      alone: executor.description.interface.batching.reason,
      differences,
    }
  } finally {
    executor.stop()
    await executor.ended
  }
}

/** Of numbers relative to the larger one, since float32 has seven digits and converters add in another order. */
const tolerance = 1e-4
/** Below it a number is nothing beside the others of its row. */
const floor = 1e-6

const compare = (got: unknown, wanted: unknown, path: string): string[] => {
  if (typeof got === 'number' && typeof wanted === 'number') {
    const most = Math.max(floor, tolerance * Math.max(Math.abs(got), Math.abs(wanted)))
    return Math.abs(got - wanted) <= most ? [] : [`${path}: ${got} instead of ${wanted}`]
  }
  if (!isNested(got) || !isNested(wanted)) {
    return Object.is(got, wanted)
      ? []
      : [`${path}: ${JSON.stringify(got)} instead of ${JSON.stringify(wanted)}`]
  }
  const names = new Set([...Object.keys(got), ...Object.keys(wanted)])
  return [...names].flatMap((key) => compare(got[key], wanted[key], `${path}/${key}`))
}

const isNested = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null

import { readFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { z } from 'zod'
import { systemCodeOf } from '../commands/command-error.ts'

const row = z.record(z.string(), z.unknown())

/** An input, which is a row or several of them, and the answer that is right for it. */
const goldenCaseSchema = z.strictObject({
  input: z.union([row, z.array(row).min(1, 'must have a row')], 'must be a row, or an array of rows'),
  output: z.unknown().refine((output) => output !== undefined, 'is missing'),
})
export type GoldenCase = z.infer<typeof goldenCaseSchema>

const casesSchema = z.array(goldenCaseSchema, 'must be an array').min(1, 'has no cases')

/** The cases alone, or with what a recipe notes beside them. */
const goldenSchema = z.union(
  [casesSchema, z.looseObject({ cases: casesSchema })],
  'must be an array of cases',
)

/** The cases of `golden.json` beside a model; none where there is no such file, or the sentence that says what is wrong with it. */
export const readGoldenCases = async (
  onnxPath: string,
): Promise<{ cases: GoldenCase[] } | { problem: string }> => {
  try {
    const cases: unknown = JSON.parse(await readFile(join(dirname(onnxPath), 'golden.json'), 'utf8'))
    const parsed = (Array.isArray(cases) ? casesSchema : goldenSchema).safeParse(cases)
    if (!parsed.success) return { problem: `golden.json ${describe(parsed.error)}` }
    return { cases: Array.isArray(parsed.data) ? parsed.data : parsed.data.cases }
  } catch (err) {
    const code = systemCodeOf(err)
    if (code === 'ENOENT') return { cases: [] }
    if (err instanceof SyntaxError) return { problem: `golden.json is not JSON (${err.message})` }
    if (code !== undefined) return { problem: `golden.json can't be read (${code})` }
    throw err
  }
}

const describe = ({ issues: [issue] }: z.ZodError) => {
  const place = issue?.path.map((key) => `/${String(key)}`).join('') ?? ''
  return `${place === '' ? '' : `at ${place} `}${issue?.message ?? 'is not what it should be'}`
}

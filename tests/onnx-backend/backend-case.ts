import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'

/** null where it is no tensor that JSON could have: a sequence, say, or complex numbers. */
const tensorSchema = z.object({ dims: z.array(z.number()), value: z.unknown() }).nullable()

const caseSchema = z.object({
  inputs: z.record(z.string(), tensorSchema),
  outputs: z.record(z.string(), tensorSchema),
})

/** One of ONNX's backend tests, as make-cases.py writes it. */
export type BackendCase = z.infer<typeof caseSchema> & { name: string; onnxPath: string; dir: string }

export const readCase = async (folder: string, name: string): Promise<BackendCase> => {
  const dir = join(folder, name)
  const read = caseSchema.parse(JSON.parse(await readFile(join(dir, 'case.json'), 'utf8')))
  return { ...read, name, dir, onnxPath: join(dir, 'model.onnx') }
}

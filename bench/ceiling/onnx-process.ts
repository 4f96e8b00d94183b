import { readFile } from 'node:fs/promises'
import { InferenceSession, Tensor } from 'onnxruntime-node'
import { z } from 'zod'
import { unwrapZipMaps } from '../../apps/worker/src/onnx-file/unwrap-zip-maps.ts'
import { rateOf } from '../figures/statistics.ts'
import { answerParent } from '../processes/answer-parent.ts'

const requestSchema = z.discriminatedUnion('type', [
  z.object({ type: z.literal('load'), file: z.string(), threads: z.int() }),
  /** Run micro-batches of so many rows for at least so long. */
  z.object({ type: z.literal('measure'), rows: z.int(), durationMs: z.number() }),
  /** Run each row alone and answer the elements of its last output. */
  z.object({ type: z.literal('run'), rows: z.array(z.array(z.number())) }),
])

const warmUpMs = 100

let session: InferenceSession | undefined

answerParent(async (message) => {
  const request = requestSchema.parse(message)
  if (request.type === 'load') {
    session = await load(request)
    return {}
  }
  if (!session) throw new Error('load a model first')
  if (request.type === 'run') return { outputs: await runEach(session, request.rows) }
  return { rowsPerSecond: await measure(session, request) }
})

/** With the session options of OnQueue's executors. */
const load = async ({ file, threads }: { file: string; threads: number }) =>
  InferenceSession.create(unwrapZipMaps(await readFile(file)).model, {
    intraOpNumThreads: threads,
    interOpNumThreads: 1,
    executionMode: 'sequential',
    extra: { session: { intra_op: { allow_spinning: '0' } } },
  })

const measure = async (
  onnx: InferenceSession,
  { rows, durationMs }: { rows: number; durationMs: number },
) => {
  const feeds = toFeeds(
    onnx,
    Array.from({ length: rows }, () => randomRow(onnx)),
  )
  await runFor(onnx, feeds, warmUpMs)
  const startedAt = performance.now()
  const runs = await runFor(onnx, feeds, durationMs)
  return rateOf(runs * rows, performance.now() - startedAt)
}

const runFor = async (onnx: InferenceSession, feeds: Record<string, Tensor>, durationMs: number) => {
  const until = performance.now() + durationMs
  let runs = 0
  do {
    await onnx.run(feeds)
    runs += 1
  } while (performance.now() < until)
  return runs
}

const runEach = async (onnx: InferenceSession, rows: number[][]) => {
  const outputs: number[][] = []
  for (const row of rows) {
    const results = await onnx.run(toFeeds(onnx, [row]))
    const last = results[onnx.outputNames.at(-1) ?? '']?.data
    if (!(last instanceof Float32Array)) throw new Error('the last output is no float32 tensor')
    outputs.push([...last])
  }
  return outputs
}

const toFeeds = (onnx: InferenceSession, rows: number[][]) => {
  const { name, width } = inputOf(onnx)
  return { [name]: new Tensor('float32', Float32Array.from(rows.flat()), [rows.length, width]) }
}

const randomRow = (onnx: InferenceSession) =>
  Array.from({ length: inputOf(onnx).width }, () => Math.random() * 2 - 1)

const inputOf = (onnx: InferenceSession) => {
  const [input] = onnx.inputMetadata
  const width = input?.isTensor === true ? input.shape[1] : undefined
  if (!input || typeof width !== 'number') throw new Error('the model has no matrix as its input')
  return { name: input.name, width }
}

import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { createLogger } from '@onqueue/shared'
import { openLocalStorage } from '@onqueue/shared/storage'
import type { BatchFile } from '../executor/batch/batch-file.ts'
import type { Chunk } from '../executor/batch/plan-chunks.ts'
import type { PlanStep } from '../executor/batch/plan-file.ts'
import type { ModelDefinition } from '../repository/model-definition.ts'
import { readModelRepository } from '../repository/read-model-repository.ts'
import { createBatchExecutors } from './batch-executors.ts'
import type { PlanRequest, ScoreRequest } from './batch-executors.ts'
import type { Priority } from './priority.ts'

const repositories = ['models', 'tests/models'].map((path) =>
  fileURLToPath(new URL(`../../../../${path}`, import.meta.url)),
)

/** A model of `models/` or `tests/models/`; settings replace those of its `model.yaml`. */
export const findDefinition = async (
  name: string,
  settings: { timeout_s?: number } = {},
): Promise<ModelDefinition> => {
  const found = await Promise.all(repositories.map((dir) => readModelRepository(dir)))
  const definition = found.flatMap((repository) => repository.definitions).find((one) => one.name === name)
  if (!definition) throw new Error(`no model ${name} in the repositories`)
  return { ...definition, settings: { ...definition.settings, ...settings } }
}

const beginning = { chunk: 0, offset: 0, row: 0, line: 1 }

/** Batch executors on a storage of their own, which wait for no other test; `close` ends them and removes it. */
export const openBatches = async ({
  mostExecutors = 2,
  idleMs = 60_000,
  starvedAfterMs = 60_000,
  priority = 'normal',
}: { mostExecutors?: number; idleMs?: number; starvedAfterMs?: number; priority?: Priority } = {}) => {
  const folder = await mkdtemp(join(tmpdir(), 'batches-test-'))
  const storage = await openLocalStorage(folder)
  const log = createLogger({ service: 'test', level: 'silent' })
  const executors = createBatchExecutors({
    storageRoot: folder,
    cores: 2,
    mostExecutors,
    idleMs,
    starvedAfterMs,
    priority,
    log,
  })
  let parts = 0

  const put = async (content: string, options: Partial<BatchFile> = {}): Promise<BatchFile> => {
    parts += 1
    const name = `batches/b/input${parts}`
    const pieces = async function* () {
      yield Buffer.from(content)
    }
    return {
      input: [{ name, bytes: await storage.put(name, pieces()) }],
      inputFormat: 'jsonl',
      outputFormat: 'jsonl',
      idColumn: null,
      extraColumns: 'ignore',
      microBatchRows: 1024,
      ...options,
    }
  }

  const plan = async (
    definition: ModelDefinition,
    file: BatchFile,
    options: Partial<PlanRequest> = {},
  ): Promise<PlanStep[]> => {
    const steps: PlanStep[] = []
    await executors.plan({
      definition,
      file,
      cursor: beginning,
      headerName: 'batches/b/header',
      rowMs: undefined,
      onPlanned: async (step) => {
        steps.push(step)
        return true
      },
      signal: new AbortController().signal,
      ...options,
    })
    return steps
  }

  /** Scores a chunk, or all of a file that is one; what came of it, and what rows were convicted. */
  const score = async (
    definition: ModelDefinition,
    file: BatchFile,
    { chunk, ...options }: Partial<ScoreRequest> = {},
  ) => {
    parts += 1
    const [outputName, errorsName] = [`batches/b/out/${parts}`, `batches/b/errors/${parts}`]
    const bytes = file.input.reduce((sum, segment) => sum + segment.bytes, 0)
    const whole: Chunk = { offset: 0, length: bytes, firstRow: 0, rows: 0, firstLine: 1 }
    const convictions: [number, string][] = []
    const result = await executors.score({
      definition,
      file,
      chunk: chunk ?? whole,
      outputName,
      errorsName,
      convicted: new Map(),
      onConvicted: async (row, code) => void convictions.push([row, code]),
      signal: new AbortController().signal,
      ...options,
    })
    return { score: result, output: await read(outputName), errors: await read(errorsName), convictions }
  }

  const read = async (name: string) => {
    const end = await storage.size(name)
    return end === undefined ? undefined : text(await storage.openRange(name, { start: 0, end }))
  }

  return {
    folder,
    storage,
    executors,
    log,
    put,
    plan,
    score,
    read,
    incoming: () => readdir(join(folder, 'incoming')),
    close: async () => {
      await executors.close()
      await rm(folder, { recursive: true })
    },
  }
}

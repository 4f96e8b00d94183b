import { spawn } from 'node:child_process'
import { existsSync, readFileSync, readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { expect, onTestFinished, test, vi } from 'vitest'
import { loadModel } from '../apps/worker/src/executor/load-model.ts'
import { readModelSettings } from '../apps/worker/src/repository/read-model-settings.ts'
import { root, startStack, testModel } from './support/stack.ts'
import type { Stack } from './support/stack.ts'

const exported = join(root, 'tests/models-as-exported')
/** Those that are served; what a load is like is no matter of the rest. */
const models = [
  ...readdirSync(exported)
    .filter((name) => name !== 'opset-6' && statSync(join(exported, name)).isDirectory())
    .map((name) => join(exported, name)),
  ...['crashes', 'echo', 'fixed-eight', 'fixed-one', 'scalar-free', 'texts'].map(testModel),
]

const startSpinning = () => {
  const spinning = spawn(process.execPath, ['-e', 'for (;;);'], { stdio: 'ignore' })
  onTestFinished(() => void spinning.kill('SIGKILL'))
}

type Verdict = {
  name: string
  batching: { enabled: boolean; max_rows: number; reason: string | null }
  warnings: string[]
  example: unknown
}

const nameOf = (folder: string) => folder.slice(folder.lastIndexOf('/') + 1)

/** As an executor finds it that has the machine for itself. */
const loadAlone = async (dir: string): Promise<Verdict> => {
  const yaml = join(dir, 'model.yaml')
  const settings = readModelSettings(existsSync(yaml) ? readFileSync(yaml, 'utf8') : '')
  const name = nameOf(dir)
  const definition = { name, version: '1', digest: '', dir, onnxPath: join(dir, 'model.onnx'), settings }
  const { batching, warnings, example } = (await loadModel(definition, 1)).loaded.found
  const { enabled, maxRows, reason } = batching
  return { name, batching: { enabled, max_rows: maxRows, reason }, warnings, example }
}

const cardOf = async ({ client }: Stack, name: string): Promise<Verdict> => {
  const { body } = await client.get(`/v1/models/${name}`)
  expect(body.status).toBe('ready')
  return { name, batching: body.batching, warnings: body.warnings, example: body.example }
}

test(
  '24 models and more that are loaded at once beside processes that spin are found to be what they are on their own',
  { timeout: 240_000 },
  async () => {
    const alone: Verdict[] = []
    for (const model of models) alone.push(await loadAlone(model))

    startSpinning()
    startSpinning()
    const stack = await startStack({ models: [], workers: 0 })
    onTestFinished(() => stack.close())
    await stack.startWorker({ ONQUEUE_MODELS_DIR: await stack.modelsFolder(models) })
    const cards = await vi.waitFor(() => Promise.all(models.map((model) => cardOf(stack, nameOf(model)))), {
      timeout: 120_000,
      interval: 500,
    })

    expect(cards).toMatchObject(alone)
    expect(alone.filter(({ batching }) => batching.enabled).length).toBe(18)
    expect(cards.length).toBeGreaterThanOrEqual(24)
  },
)

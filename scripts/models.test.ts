import { execFile } from 'node:child_process'
import { cp, mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { z } from 'zod'
import { buildOnnx } from '../apps/worker/src/onnx-file/fixtures/build-onnx.ts'
import { runModelsCommand } from './models.ts'

const root = join(import.meta.dirname, '..')
let dir = ''
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'onqueue-models-'))
})
afterAll(() => rm(dir, { recursive: true }))

/** As npm runs it. */
const run = (args: string[], environment: Record<string, string> = {}) =>
  new Promise<{ exitCode: number; stdout: string; stderr: string }>((resolve) => {
    const program = join(root, 'scripts/models.ts')
    const env = {
      PATH: process.env['PATH'],
      ONQUEUE_DATA_DIR: dir,
      ONQUEUE_MODELS_DIR: join(dir, 'models'),
      ...environment,
    }
    const child = execFile(process.execPath, [program, ...args], { cwd: root, env }, (_, stdout, stderr) => {
      resolve({ exitCode: child.exitCode ?? -1, stdout, stderr })
    })
  })

test('a model is inspected, added with commands that ask it, and checked', async () => {
  const file = join(root, 'tests/models/dict-and-seq/model.onnx')

  const inspected = await run(['inspect', file])
  const added = await run(['add', file, '--name', 'weather'])
  const checked = await run(['check'])

  expect(inspected).toMatchObject({ exitCode: 0, stderr: '' })
  expect(inspected.stdout).toContain('Proposed task: tabular-classification')
  expect(added).toMatchObject({ exitCode: 0, stderr: '' })
  expect(added.stdout).toMatch(
    /curl \\\n {2}http:\/\/127.0.0.1:8080\/v1\/models\/weather\/predict \\\n.*\\\n {2}-d '\{"features":\[/,
  )
  expect(added.stdout).toMatch(/\/weather\/predictions \\\n.*\\\n {2}-d '\{"input":\{"features":\[/)
  expect(added.stdout).toContain('Next: restart the worker')
  expect(checked).toMatchObject({ exitCode: 0, stderr: '' })
  expect(checked.stdout).toMatch(/^weather\/1 +ready +tabular-classification +up to 64 rows/m)
})

test('one bad model of several fails the check, and the others are checked all the same', async () => {
  const models = join(dir, 'mixed')
  await cp(join(root, 'tests/models/crashes'), join(models, 'crashing'), { recursive: true })
  await writeFile(join(models, 'crashing/model.yaml'), 'example: { i: 999 }\n')
  await cp(join(root, 'tests/models/echo'), join(models, 'echo'), { recursive: true })
  await mkdir(join(models, 'a-pointer'))
  await writeFile(join(models, 'a-pointer/model.onnx'), 'version https://git-lfs.github.com/spec/v1\n')

  const [shown, json] = [await run(['check', models]), await run(['check', models, '--json'])]

  expect(shown).toMatchObject({ exitCode: 1, stderr: '' })
  expect(shown.stdout).toMatch(/^crashing\/1 +not loaded$/m)
  expect(shown.stdout).toContain('not loaded: the executor was ended by SIGFPE.')
  expect(shown.stdout).toMatch(/^echo\/1 +ready/m)
  expect(shown.stdout).toContain('run git lfs pull')
  const resultSchema = z.object({
    isGood: z.boolean(),
    versions: z.array(z.object({ model: z.string(), status: z.string() })),
  })
  expect(json.exitCode).toBe(1)
  expect(resultSchema.parse(JSON.parse(json.stdout))).toEqual({
    isGood: false,
    versions: [
      { model: 'a-pointer', status: 'refused' },
      { model: 'crashing', status: 'not loaded' },
      { model: 'echo', status: 'ready' },
    ],
  })
})

test('a version is added with a word on which one callers get, and with the header that keys need', async () => {
  const file = join(root, 'tests/models/echo/model.onnx')

  const added = await run(['add', file, '--name', 'echo', '--version', '3'], {
    ONQUEUE_API_KEYS: 'app:secret-key',
  })

  expect(added).toMatchObject({ exitCode: 0, stderr: '' })
  expect(added.stdout).toContain('?version=3 asks for this one.')
  expect(added.stdout).toMatch(/\/echo\/model\.yaml: describe it there\.$/m)
  expect(added.stdout.match(/-H "authorization: Bearer \$ONQUEUE_API_KEY"/g)).toHaveLength(2)
})

test('an example that is too long to be shown is left to whoever asks', async () => {
  const wide = { type: 'float32', shape: ['N', 30_000] } as const
  const file = join(dir, 'wide.onnx')
  await writeFile(
    file,
    buildOnnx({
      inputs: [{ name: 'x', ...wide }],
      nodes: [{ op: 'Relu', inputs: ['x'], outputs: ['y'] }],
      outputs: [{ name: 'y', ...wide }],
    }),
  )

  const added = await run(['add', file, '--name', 'wide'])

  expect(added.stdout).toContain('with an input in place of the "…", which is too long to be shown')
  expect(added.stdout).toContain(`-d '"…"'`)
  expect(added.stdout).not.toContain('authorization')
})

test('a file that is no model, and a repository that is not there, end it with a code and a sentence', async () => {
  const page = join(dir, 'page.onnx')
  await writeFile(page, '<!DOCTYPE html>')

  const inspected = await run(['inspect', page])
  const checked = await run(['check'], { ONQUEUE_MODELS_DIR: join(dir, 'nowhere') })

  expect(inspected).toEqual({
    exitCode: 1,
    stdout: '',
    stderr: `${page}: the file is a web page: what was downloaded is not the model.\n`,
  })
  expect(checked).toMatchObject({ exitCode: 2, stdout: '' })
  expect(checked.stderr).toMatch(/^[^\n]*set ONQUEUE_MODELS_DIR to where the models are[^\n]*\n$/)
  expect(checked.stderr).not.toContain('this went wrong')
})

test('a model that is found bad is not added, and the command says so', async () => {
  const file = join(root, 'tests/models-as-exported/opset-6/model.onnx')

  const added = await run(['add', file, '--name', 'old'])

  expect(added).toMatchObject({ exitCode: 1, stderr: '' })
  expect(added.stdout).toContain('old was not added: nothing was left in the repository.')
  expect(added.stdout).toContain('export it again with a newer one')
})

test('a command that is typed wrong is refused with a sentence and no stack', async () => {
  expect(await run(['inspect', 'nowhere.on\u001bnx'])).toEqual({
    exitCode: 2,
    stdout: '',
    stderr: `there is no file ${join(root, 'nowhere.on\\u001bnx')}: give the path of an .onnx file.\n`,
  })
})

const runHere = (args: string[], environment: Record<string, string> = {}) =>
  runModelsCommand(args, {
    environment: { ONQUEUE_MODELS_DIR: join(dir, 'nowhere'), ...environment },
    signal: new AbortController().signal,
  })

test.each([[['--help']], [[]], [['check', '-h']]])('%j prints how it is used', async (args) => {
  expect(await runHere(args)).toMatchObject({ lines: expect.arrayContaining(['Usage:']), exitCode: 0 })
})

test.each([
  [['remove'], 'there is no command "remove"; there are inspect, check and add.'],
  [['inspect'], 'give the path of an .onnx file.'],
  [['check', 'nowhere'], `there is no ${join(root, 'nowhere')}: give the folder of a model`],
  [['check', '--name', 'x'], '--name is for add, and not for check.'],
  [['check', 'a', 'b'], '"b" is too much: give one path.'],
  [['check', '--all'], "Unknown option '--all'"],
  [['add', 'a.onnx'], 'give --name, under which the model is served.'],
  [
    ['add', 'a.onnx', '--name', 'a', '--task', 'text'],
    'there is no task "text"; there are tensors, tabular-',
  ],
  [['add', 'a.onnx', '--name', 'a', '--json'], '--json is for inspect and check.'],
])('%j is refused with what to do', async (args, sentence) => {
  await expect(runHere(args)).rejects.toMatchObject({
    name: 'CommandError',
    exitCode: 2,
    message: expect.stringContaining(sentence),
  })
})

test('a repository that is not there is refused as the worker refuses it', async () => {
  await expect(runHere(['check'])).rejects.toThrow('set ONQUEUE_MODELS_DIR to where the models are')
})

test('a path is where it was typed, in whichever folder npm runs the script', async () => {
  const { lines } = await runHere(['inspect', 'iris/model.onnx'], {
    npm_lifecycle_event: 'models',
    INIT_CWD: join(root, 'models'),
  })

  expect(lines[0]).toBe(`file        ${join(root, 'models/iris/model.onnx')}`)
})

test('whoever reads only the first lines ends nothing with a stack', async () => {
  const program = `"${process.execPath}" scripts/models.ts inspect models/iris/model.onnx | head -n 1`

  const { stdout, stderr } = await new Promise<{ stdout: string; stderr: string }>((resolve) => {
    execFile('sh', ['-c', program], { cwd: root }, (_, stdout, stderr) => resolve({ stdout, stderr }))
  })

  expect(stdout).toMatch(/^file .*model\.onnx\n$/)
  expect(stderr).toBe('')
})

test('nothing hidden is left in the repository', async () => {
  expect((await readdir(join(dir, 'models'))).filter((name) => name.startsWith('.'))).toEqual([])
})

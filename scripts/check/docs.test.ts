import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { findPhantoms } from './find-phantoms.ts'

const root = join(import.meta.dirname, '../..')

/** Files and folders, without what nobody commits. */
const listPaths = (folder: string): string[] =>
  readdirSync(join(root, folder), { withFileTypes: true })
    .filter(({ name }) => !['.git', '.cache', 'node_modules', 'data', 'coverage', 'results'].includes(name))
    .flatMap((entry) => {
      const path = join(folder, entry.name)
      return entry.isDirectory() ? [path, ...listPaths(path)] : [path]
    })

/** Words that look like a path of the repository, by the reason why they need not be one. */
const exceptions = {
  'every app has one': ['main.ts', 'config.ts', 'server.ts', 'metrics.ts'],
  'every model has one, or may': ['model.yaml', 'model.onnx', 'make.py', 'golden.json'],
  'a wrong name for one': ['model.yml'],
  'made by npm start': ['.cache', '.cache/compile'],
  'made by the bench': ['bench/results/latest.json', 'mine.json'],
  'made by who follows the document': [
    '.cache/backend',
    '.cache/venv',
    '.cache/venv/bin/pip',
    '.cache/venv/bin/python',
    'docker-compose.override.yml',
    'N-title.md',
  ],
  'of a package': [
    'node_modules/onnxruntime-node/script/install.js',
    'node_modules/onnxruntime-node/bin/napi-v6/linux/x64/libonnxruntime_providers_cuda.so',
    'node_modules/onnxruntime-node/bin/napi-v6/linux/x64/*_cuda.so',
  ],
  'a media type': ['application/json', 'text/csv'],
}
const known = Object.values(exceptions).flat()
const paths = listPaths('')
const docs = paths.filter((path) => path.endsWith('.md'))
const read = (file: string) => ({ file, text: readFileSync(join(root, file), 'utf8') })

test.each(docs)('every path in %s exists', (file) => {
  expect(findPhantoms(read(file), { paths, known })).toEqual([])
})

test('what is excepted is still in a document', () => {
  const phantoms = new Set(docs.flatMap((file) => findPhantoms(read(file), { paths })))

  expect(known.filter((path) => !phantoms.has(path))).toEqual([])
})

test('each decision has a number of its own, which its title begins with', () => {
  const decisions = readdirSync(join(root, 'docs/adr')).filter((name) => /^\d/.test(name))
  const numbers = decisions.map((name) => Number(name.slice(0, 4)))

  expect(numbers).toEqual(decisions.map((_, index) => index + 1))
  expect(
    decisions.map((name) => Number.parseInt(read(`docs/adr/${name}`).text.replace('# ', ''), 10)),
  ).toEqual(numbers)
})

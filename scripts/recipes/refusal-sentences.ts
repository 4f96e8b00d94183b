import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

const worker = join(import.meta.dirname, '../../apps/worker/src')

/** A literal in single, double or back quotes, on a line of its own or after a bracket or a space, so none of a word's apostrophes. */
const literal = String.raw`(?<=[\s([])('(?:[^'\\\n]|\\.)*'|"(?:[^"\\\n]|\\.)*"|\x60(?:[^\x60\\]|\\.)*\x60)`

/** What makes a sentence for a card of a literal: a `Refusal`, a folder that is none, a file that ONNX Runtime does not load. */
const places = [
  String.raw`new Refusal\(\s*?${literal}`,
  String.raw`refuse\(\s*\w+,\s*${literal}`,
  String.raw`new Refusal\(locate\(\w+,\s*${literal}`,
]
const inRepository = [String.raw`reason: ${literal}`, String.raw`const reason = ${literal}`]
/** In these files every literal that is a sentence is one. */
const ofSentences = /explain-load-error|explain-file|links|beyond-memory/

/** Every sentence with which a model is refused, as it is written in the worker; `…` stands for what it names. */
export const refusalSentences = (): string[] => {
  const files = globSync('{repository,executor,onnx-file,tasks}/**/*.ts', { cwd: worker }).filter(
    (file) => !file.includes('.test.') && !file.includes('fixtures'),
  )
  const found = files.flatMap((file) => {
    const text = readFileSync(join(worker, file), 'utf8')
    const patterns = ofSentences.test(file)
      ? [literal]
      : [...places, ...(file.startsWith('repository') ? inRepository : [])]
    return patterns.flatMap((pattern) =>
      [...text.matchAll(new RegExp(pattern, 'g'))].map(([, one = '']) => one),
    )
  })
  return [...new Set(found.map(toSentence).filter(isSentence))].sort()
}

const toSentence = (quoted: string) =>
  quoted
    .slice(1, -1)
    .replaceAll(/\$\{(?:[^{}]|\{[^{}]*\})*\}/g, '…')
    .replaceAll(/\\(.)/g, '$1')

const isSentence = (text: string) =>
  (text.split(' ').length > 2 || text.endsWith(': …')) && !text.startsWith('elements of ')

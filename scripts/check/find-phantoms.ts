import { dirname, join, matchesGlob } from 'node:path/posix'

/**
 * The paths in a document's code spans, links and shell commands that lead nowhere.
 *
 * A path leads somewhere from the root or from the document. One that is cut short (`sign.ts`, `serving/batcher.ts`)
 * has to be the end of one path and no more. Of a pattern (`bench/*-process.ts`, `*.test.ts`) one file has to be there,
 * of a placeholder (`models/<name>/`) the folder before it.
 */
export const findPhantoms = (
  { file, text }: { file: string; text: string },
  {
    paths,
    known = [],
  }: {
    /** the files and folders of the repository, from its root */
    paths: readonly string[]
    /** words that look like a path and are none, or one of many */
    known?: readonly string[]
  },
) => {
  const leadsSomewhere = (path: string) => {
    const fromHere = [path, join(dirname(file), path)]
    if (path.includes('*')) {
      return paths.some((one) => [...fromHere, join('**', path)].some((pattern) => matchesGlob(one, pattern)))
    }
    return fromHere.some((one) => paths.includes(one)) || countEndings(paths, path) === 1
  }
  return [...new Set(wordsIn(text).filter(isPath).map(toComparable))].filter(
    (path) => path !== '' && !known.includes(path) && !leadsSomewhere(path),
  )
}

/** What stands in code spans, links and fenced shell commands, word by word. */
const wordsIn = (text: string) => {
  const fence = /^ *```(\w*)\n([^]*?)^ *```$/gm
  const commands = [...text.matchAll(fence)].filter(([, language]) => language === 'sh')
  const prose = text.replaceAll(fence, '')
  const spans = prose.matchAll(/(?<!`)`([^`]+)`(?!`)/g)
  const links = prose.matchAll(/\]\(([^()#]+)(?:#[^()]*)?\)/g)
  return [
    ...commands.map(([, , code = '']) => code),
    ...[...spans, ...links].map(([, inside = '']) => inside),
  ]
    .flatMap((code) => code.split(/\s+/))
    .map((word) => word.replace(/^['"([]+|['"),;:\]]+$/g, ''))
}

/** Routes start with a slash, packages with an @; a file without a folder has an ending that we use. */
const isPath = (word: string) =>
  /^[\w.*<][\w.*<>-]*(\/[\w.*<>-]+)*\/?$/.test(word) &&
  (word.includes('/') || /[\w*>]\.(ts|mjs|json|md|ya?ml|py|onnx|txt)$/.test(word))

/** Up to a placeholder, and without the slash at the end. */
const toComparable = (path: string) =>
  (path.includes('<') ? path.slice(0, path.lastIndexOf('/', path.indexOf('<')) + 1) : path).replace(/\/$/, '')

const countEndings = (paths: readonly string[], path: string) =>
  paths.filter((one) => one.endsWith(`/${path}`)).length

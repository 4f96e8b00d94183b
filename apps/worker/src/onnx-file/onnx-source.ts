import { createReadStream } from 'node:fs'
import { readFile, stat } from 'node:fs/promises'
import { isMachineTrouble } from '../machine-trouble.ts'
import { Refusal } from '../refusal.ts'
import type { Label } from '../tensors/tensor.ts'
import { checkWhole } from './check-whole.ts'
import { noHints } from './value-hints.ts'
import type { ValueHints } from './value-hints.ts'
import type { ScoreType, ZipMap } from './unwrap-zip-maps.ts'

/** What ONNX Runtime loads, and what the file tells beyond its signature. */
export type OnnxSource = {
  /** a path, so that weights in files beside it are found; or the bytes of a changed model */
  model: string | Uint8Array
  zipMaps: ZipMap[]
  classLabels: Label[] | undefined
  hints: ValueHints
}

/** The protobuf reader is only loaded for the models that need it. Throws a `Refusal` when the file can't be read. */
export const readOnnxSource = async (options: {
  onnxPath: string
  wantsClassLabels: boolean
  scores?: ScoreType
}): Promise<OnnxSource> => {
  const { onnxPath, wantsClassLabels, scores } = options
  const asItIs: OnnxSource = { model: onnxPath, zipMaps: [], classLabels: undefined, hints: noHints }
  const found = await look(onnxPath).catch((err: unknown) => {
    if (err instanceof Refusal || isMachineTrouble(err)) throw err
    throw new Refusal(`model.onnx can't be read: ${err instanceof Error ? err.message : String(err)}`, {
      cause: err,
    })
  })
  const isChanged = found.has('ZipMap') || found.has('StringNormalizer')
  const hasHints = found.size > 0 && (await stat(onnxPath)).size <= largestWithHints
  if (!isChanged && !hasHints && !wantsClassLabels) return asItIs
  try {
    return await inspect(onnxPath, found, scores)
  } catch (err) {
    if (err instanceof Refusal || isMachineTrouble(err)) throw err
    // not a whole ONNX file: ONNX Runtime finds the words for it
    return asItIs
  }
}

const look = async (onnxPath: string) => {
  await checkWhole(onnxPath)
  return findTexts(onnxPath, telling)
}

/** What a file with something in it for us has: operators for which it is changed, what hints of values come with, and weights in other files. */
const telling = [
  'ZipMap',
  'StringNormalizer',
  '_strings',
  'nodes_values',
  'Imputer',
  'Scaler',
  'location',
] as const
type Telling = (typeof telling)[number]

/** A file with values to learn from is small beside one with weights, which would be held twice. */
const largestWithHints = 256 * 1024 * 1024

const inspect = async (
  onnxPath: string,
  found: ReadonlySet<Telling>,
  scores?: ScoreType,
): Promise<OnnxSource> => {
  const bytes = await readFile(onnxPath)
  if (found.has('location')) {
    const { checkExternalFiles } = await import('./external-files.ts')
    checkExternalFiles(bytes)
  }
  const { readValueHints } = await import('./read-value-hints.ts')
  const hints = readValueHints(bytes)
  let model: string | Uint8Array = onnxPath
  // other systems have the usual one, and none of this name
  if (found.has('StringNormalizer') && process.platform === 'linux') {
    const { setStringLocales } = await import('./set-string-locales.ts')
    const changed = setStringLocales(bytes)
    if (changed !== bytes) model = changed
  }
  if (found.has('ZipMap')) {
    const { unwrapZipMaps } = await import('./unwrap-zip-maps.ts')
    const unwrapped = unwrapZipMaps(typeof model === 'string' ? bytes : model, scores)
    if (unwrapped.zipMaps.length > 0) return { ...unwrapped, classLabels: undefined, hints }
  }
  const { readClassLabels } = await import('./class-labels.ts')
  return { model, zipMaps: [], classLabels: readClassLabels(bytes), hints }
}

/** Which of some texts a file holds, without reading it into memory as a whole. */
const findTexts = async <Text extends string>(path: string, texts: readonly Text[]): Promise<Set<Text>> => {
  const found = new Set<Text>()
  const longest = Math.max(...texts.map((text) => text.length))
  let tail = Buffer.alloc(0)
  for await (const chunk of createReadStream(path, { highWaterMark: 1 << 20 })) {
    const bytes = Buffer.concat([tail, chunk])
    for (const text of texts) if (bytes.includes(text)) found.add(text)
    if (found.size === texts.length) break
    // a match may begin at the end of one chunk and end in the next
    tail = bytes.subarray(1 - longest)
  }
  return found
}

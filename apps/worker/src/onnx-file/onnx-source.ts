import { createReadStream } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { isMachineTrouble } from '../machine-trouble.ts'
import { Refusal } from '../refusal.ts'
import type { Label } from '../tensors/tensor.ts'
import type { ZipMap } from './unwrap-zip-maps.ts'

/** What ONNX Runtime loads, and what the file tells beyond its signature. */
export type OnnxSource = {
  /** a path, so that weights in files beside it are found; or the bytes of a changed model */
  model: string | Uint8Array
  zipMaps: ZipMap[]
  classLabels: Label[] | undefined
}

/** The protobuf reader is only loaded for the models that need it. Throws a `Refusal` when the file can't be read. */
export const readOnnxSource = async (options: {
  onnxPath: string
  wantsClassLabels: boolean
}): Promise<OnnxSource> => {
  const { onnxPath, wantsClassLabels } = options
  const asItIs: OnnxSource = { model: onnxPath, zipMaps: [], classLabels: undefined }
  const hasZipMap = await contains(onnxPath, 'ZipMap').catch((err: unknown) => {
    if (isMachineTrouble(err)) throw err
    throw new Refusal(`model.onnx can't be read: ${err instanceof Error ? err.message : String(err)}`, {
      cause: err,
    })
  })
  if (!hasZipMap && !wantsClassLabels) return asItIs
  try {
    return await inspect(onnxPath, { hasZipMap })
  } catch (err) {
    if (err instanceof Refusal || isMachineTrouble(err)) throw err
    // not a whole ONNX file: ONNX Runtime finds the words for it
    return asItIs
  }
}

const inspect = async (onnxPath: string, { hasZipMap }: { hasZipMap: boolean }): Promise<OnnxSource> => {
  const bytes = await readFile(onnxPath)
  if (hasZipMap) {
    const { unwrapZipMaps } = await import('./unwrap-zip-maps.ts')
    const { model, zipMaps } = unwrapZipMaps(bytes)
    if (zipMaps.length > 0) return { model, zipMaps, classLabels: undefined }
  }
  const { readClassLabels } = await import('./class-labels.ts')
  return { model: onnxPath, zipMaps: [], classLabels: readClassLabels(bytes) }
}

/** Whether a file holds a text, without reading it into memory as a whole. */
const contains = async (path: string, text: string) => {
  let tail = Buffer.alloc(0)
  for await (const chunk of createReadStream(path, { highWaterMark: 1 << 20 })) {
    const bytes = Buffer.concat([tail, chunk])
    if (bytes.includes(text)) return true
    // a match may begin at the end of one chunk and end in the next
    tail = bytes.subarray(1 - text.length)
  }
  return false
}

import { open, readFile, stat } from 'node:fs/promises'

/** The first opset that ONNX Runtime has operators of. */
const oldestOpset = 7n
/** A model that is too old for its operators was made years ago, and is small. */
const largestRead = 256 * 1024 * 1024

/** What a file is that is none of ONNX, by how it begins (a byte is a character), and what to do. */
const others: [begins: RegExp | string[], sentence: string][] = [
  [/^$/, 'the file is empty'],
  [
    ['version https://git-lfs'],
    'the file is a Git LFS pointer and not the model itself: run git lfs pull, and copy it again',
  ],
  [/^\s*<(!doctype|html|\?xml|head)/i, 'the file is a web page: what was downloaded is not the model'],
  [['\x80'], 'the file is a Python pickle (also .joblib, .pkl): export the model to ONNX'],
  [
    ['x\x01', 'x\x5e', 'x\x9c', 'x\xda'],
    'the file is compressed, as a .joblib may be: export the model to ONNX',
  ],
  [['PK'], 'the file is a zip archive, as those of PyTorch and Keras are: export the model to ONNX'],
  [['\x1f\x8b'], 'the file is compressed with gzip: unpack it'],
  [['\x89HDF'], 'the file is HDF5, as Keras writes it: convert it with tf2onnx'],
  [/^[^]{4}TFL3/, 'the file is a TensorFlow Lite model: convert it with tf2onnx'],
  [['GGUF'], 'the file is GGUF, which ONNX Runtime does not read'],
  [/^[^]{8}\{"/, 'the file holds safetensors, which are weights without a model: export it to ONNX'],
  [/^\s*\{/, 'the file is JSON, as LightGBM, XGBoost and CatBoost may write it: convert the model to ONNX'],
  [['tree\n'], "the file is LightGBM's own text: convert it with onnxmltools"],
]

/** The sentence for a file that ONNX Runtime can't parse; undefined where nothing is known of it. */
export const recognizeFile = (head: Uint8Array): string | undefined => {
  const text = Buffer.from(head).toString('latin1')
  const doesBegin = (begins: RegExp | string[]) =>
    Array.isArray(begins) ? begins.some((one) => text.startsWith(one)) : begins.test(text)
  return others.find(([begins]) => doesBegin(begins))?.[1]
}

/** Why ONNX Runtime refused a file, where the file itself says more than the error does. */
export const explainFile = async (path: string, message: string): Promise<string | undefined> => {
  if (/Protobuf parsing failed|does not have a graph/.test(message))
    return recognizeFile(await readHead(path))
  if (!/Could not find an implementation/.test(message) || (await stat(path)).size > largestRead)
    return undefined
  const { readOpset } = await import('./read-opset.ts')
  const opset = readOpset(await readFile(path))
  return opset !== undefined && opset < oldestOpset
    ? `it was exported with opset ${opset}, and this ONNX Runtime starts at ${oldestOpset}: export it again with a newer one`
    : undefined
}

const readHead = async (path: string) => {
  const file = await open(path)
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(64), 0, 64, 0)
    return buffer.subarray(0, bytesRead)
  } finally {
    await file.close()
  }
}

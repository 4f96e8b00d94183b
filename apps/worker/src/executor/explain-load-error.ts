import { basename } from 'node:path'

/** Element types that ONNX Runtime knows and its Node.js binding can't carry, by their numbers in its C API, which from 24 on are not those of ONNX. */
const typeNames: Record<string, string> = {
  14: 'complex64',
  15: 'complex128',
  16: 'bfloat16',
  17: 'float8e4m3fn',
  18: 'float8e4m3fnuz',
  19: 'float8e5m2',
  20: 'float8e5m2fnuz',
  23: 'float4e2m1',
  24: 'uint2',
  25: 'int2',
  26: 'float8e8m0',
}
const nameOf = (type: string) => typeNames[type] ?? `elements of type ${type}`

const explanations: [pattern: RegExp, explain: (match: RegExpExecArray) => string][] = [
  [/Protobuf parsing failed|does not have a graph/, () => 'the file is not an ONNX model, or is cut off'],
  [
    /Opset (\d+) is under development.*domain (\S+) is till opset (\d+)/s,
    ([, opset, , newest]) =>
      `it needs opset ${opset}, and this ONNX Runtime goes up to ${newest}; export it with a lower target opset`,
  ],
  [
    /Unsupported model IR version: (\d+), max supported IR version: (\d+)/,
    ([, version, newest]) =>
      `its ONNX IR version is ${version}, and this ONNX Runtime goes up to ${newest}; export it with an older onnx`,
  ],
  [
    /External data path does not exist: "?([^"\n]+)"?/,
    ([, path = '']) =>
      `its weights are in a file of their own that is missing: put ${basename(path)} beside model.onnx`,
  ],
  [
    /escapes model directory|Absolute path not allowed/,
    () =>
      "its weights lead out of the model's folder: copy them into it, under the names that it was exported with",
  ],
  [
    /External data path|external data|external initializer/i,
    () =>
      "its weights are in a file of their own that can't be read; see that it is whole and beside model.onnx",
  ],
  [
    /No Op registered for (\S+) with domain_version of (\S+)|Fatal error: (\S+) is not a registered function\/op/,
    ([, op, , custom]) => `it uses the operator ${op ?? custom}, which this ONNX Runtime does not have`,
  ],
  [
    /Could not find an implementation for ([^\s(]+)(?:\(\d+\))? node/,
    ([, op]) => `it uses ${op} on a type that this ONNX Runtime has no implementation for`,
  ],
  [
    /construct locale with name:\s*([^\s:]+)/,
    ([, locale]) =>
      `its StringNormalizer wants the locale ${locale}, which this machine does not have: export it with locale C.UTF-8, or install that one`,
  ],
  [
    /Unsupported data type: (\d+)/,
    ([, type = '']) => `an input or output holds ${nameOf(type)}, which onnxruntime-node can't carry`,
  ],
  [
    /tensor\((\w+)\) is not currently registered or supported/,
    ([, type]) => `it uses elements of type ${type}, which ONNX Runtime does not have`,
  ],
  [
    /Initializer '(.*?)': raw_data size \((\d+) bytes\) does not match .*\((\d+) bytes\)/s,
    ([, name = '', has, wants]) =>
      `its weights ${name.slice(0, 100)} have ${has} bytes, and their shape takes ${wants}: the file is damaged, or was made by hand`,
  ],
  [
    /Out of bounds dimensions|negative dimension|SafeInt|Integer overflow/i,
    () => 'a shape in it has lengths that no tensor can have: the file is damaged, or was made by hand',
  ],
  [
    /\[(?:Shape|Type)InferenceError\]\s*([^\n]*)/,
    ([, what = '']) =>
      `its shapes contradict each other (${what.slice(0, 200).toWellFormed()}): export it again`,
  ],
  [/File doesn't exist|system error number 2\b/, () => 'model.onnx is gone'],
  [/system error number 13\b/, () => "model.onnx can't be read: permission denied"],
]

/** Why ONNX Runtime did not load a model, as a sentence for its card. */
export const explainLoadError = (err: unknown): string => {
  const message = err instanceof Error ? err.message : String(err)
  for (const [pattern, explain] of explanations) {
    const match = pattern.exec(message)
    if (match) return explain(match)
  }
  return `ONNX Runtime can't load it: ${tidyMessage(message)}`
}

/** A file with its line, then a signature: void onnxruntime::Mod::operator()(bool) const [with T = float] */
const positions =
  /\/\S*onnxruntime_src\/\S+:\d+\s[^()]*\([^)]*\)(?:\([^)]*\))*(?:\s*const)?(?:\s*\[with [^\]]*\])?\s*/g

/** The last line of sense in a message of ONNX Runtime: without source positions, signatures and paths. */
export const tidyMessage = (message: string): string =>
  message
    .replace(/^.*Status Message:\s*/s, '')
    .replace(/^Load model from .*? failed:/s, '')
    .replace(positions, '')
    .trim()
    .split('\n')[0]
    ?.slice(0, 300)
    .toWellFormed() ?? ''

/** As ONNX's own runner has it, and a bit for what is near zero in float16. */
const relative = 1e-3
const absolute = 1e-5

/** Whether two nested arrays have the same lengths and, within what float32 loses, the same elements. */
export const isSame = (got: unknown, wanted: unknown): boolean => {
  if (Array.isArray(wanted)) {
    if (!Array.isArray(got) || got.length !== wanted.length) return false
    return wanted.every((one, index) => isSame(got[index], one))
  }
  if (typeof got === 'number' && typeof wanted === 'number') {
    return Math.abs(got - wanted) <= absolute + relative * Math.abs(wanted)
  }
  return Object.is(got, wanted)
}

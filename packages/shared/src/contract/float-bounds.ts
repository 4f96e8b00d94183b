/** The least magnitudes that float16 and float32 can't hold: halfway between the largest that they do and what would follow. */
const bounds = new Map([
  [65520, 'float16'],
  [2 ** 128 - 2 ** 103, 'float32'],
])

/**
 * The type of float whose range ends at this bound of a schema; undefined for a bound that says something of the model. Inputs are
 * checked for such bounds; nobody has to read them, whose numbers are as large as anybody's.
 */
export const floatBoundedBy = (bound: unknown) =>
  typeof bound === 'number' ? bounds.get(Math.abs(bound)) : undefined

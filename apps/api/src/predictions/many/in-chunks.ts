/** Predictions that are read at once: of each, what is not long of input and output comes along. */
export const maxReadAtOnce = 20

/** A list in parts of so many, but for the last one. */
export const inChunks = function* <Item>(items: readonly Item[], size = maxReadAtOnce): Generator<Item[]> {
  for (let from = 0; from < items.length; from += size) yield items.slice(from, from + size)
}

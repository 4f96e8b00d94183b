/** What the operators in a file tell of the values that they were made for. */
export type ValueHints = {
  /** by the name of an input: the texts that encoders and vocabularies know that its values get to */
  words: ReadonlyMap<string, string[]>
  /** the inputs of which such words are only parts */
  sentences: ReadonlySet<string>
  /** the same for categories that are integers */
  integers: ReadonlyMap<string, number[]>
  /** by the number of the feature: where trees part */
  thresholds: ReadonlyMap<number, number[]>
  /** by the name of an input: what each of its columns mostly has about */
  typical: ReadonlyMap<string, number[]>
  /** the inputs in which NaN is a missing value: an Imputer, or trees that were grown with some, take it from there */
  missing: ReadonlySet<string>
}

export const noHints: ValueHints = {
  words: new Map(),
  sentences: new Set(),
  integers: new Map(),
  thresholds: new Map(),
  typical: new Map(),
  missing: new Set(),
}

import { modelNameSchema } from './model-name.ts'

/** Crockford's base 32, the alphabet of ULIDs. */
export const idAlphabet = '0123456789ABCDEFGHJKMNPQRSTVWXYZ'
export const idSuffixLength = 26
const suffixPattern = new RegExp(`^[${idAlphabet}]{${idSuffixLength}}$`)

/** The model that a prediction id, `<model>-<ULID>`, belongs to; undefined when it isn't a prediction id. */
export const modelOfPredictionId = (id: string) => {
  const split = id.lastIndexOf('-')
  if (split < 1 || !suffixPattern.test(id.slice(split + 1))) return undefined
  const model = modelNameSchema.safeParse(id.slice(0, split))
  return model.success ? model.data : undefined
}

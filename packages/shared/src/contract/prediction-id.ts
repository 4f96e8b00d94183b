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

/**
 * A prediction that came in a pack shares all of its id but the last two characters with its mates: these are its number, from 1 on,
 * in base 32. The pack itself has number 0, so that its id is no prediction's.
 */
export const maxPackMembers = idAlphabet.length ** 2 - 1

const numberLength = 2
const packNumber = '00'

/** The id of the pack that a prediction of this id would have come in. */
export const packIdOf = (predictionId: string) => `${predictionId.slice(0, -numberLength)}${packNumber}`

/** Whether a pack may have this id. A prediction by itself may have it too. */
export const isPackId = (id: string) => id.endsWith(packNumber)

/** The number of a prediction in its pack. */
export const numberInPack = (predictionId: string) => {
  const [high = '', low = ''] = predictionId.slice(-numberLength)
  return idAlphabet.indexOf(high) * idAlphabet.length + idAlphabet.indexOf(low)
}

/** The id of the prediction that has a number in a pack. */
export const memberIdOf = (packId: string, number: number) => {
  const [high, low] = [Math.floor(number / idAlphabet.length), number % idAlphabet.length]
  return `${packId.slice(0, -numberLength)}${idAlphabet[high]}${idAlphabet[low]}`
}

/** The ids of the first so many predictions of a pack. */
export const memberIdsOf = (packId: string, members: number) =>
  Array.from({ length: members }, (_, index) => memberIdOf(packId, index + 1))

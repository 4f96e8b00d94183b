import { join } from 'node:path'
import { InferenceSession, Tensor } from 'onnxruntime-node'
import { seededRandom } from '../support/random.ts'
import { shippedModel } from '../support/stack.ts'

export type House = Record<(typeof features)[number], number | string>

export const features = [
  'bedrooms',
  'view',
  'grade',
  'yr_built',
  'bathrooms',
  'floors',
  'sqft_living',
  'sqft_lot',
  'latitude',
  'longitude',
  'condition',
  'waterfront',
] as const

const conditions = ['poor', 'fair', 'average', 'good', 'very good']

/** Houses that `housing` tells the price of. */
export const makeHouses = (count: number, { seed = 17 } = {}): House[] => {
  const random = seededRandom(seed)
  const upTo = (most: number) => Math.floor(random() * (most + 1))
  return Array.from({ length: count }, () => ({
    bedrooms: 1 + upTo(5),
    view: upTo(4),
    grade: 4 + upTo(8),
    yr_built: 1900 + upTo(114),
    bathrooms: 0.25 * (2 + upTo(14)),
    floors: 1 + 0.5 * upTo(4),
    sqft_living: 500 + 10 * upTo(400),
    sqft_lot: 1000 + 50 * upTo(500),
    latitude: 47.25 + 0.015625 * upTo(32),
    longitude: -122.5 + 0.015625 * upTo(60),
    condition: conditions[upTo(4)] ?? 'good',
    waterfront: upTo(1) === 0 ? 'no' : 'yes',
  }))
}

const integers: readonly string[] = ['bedrooms', 'view', 'grade', 'yr_built']
const texts: readonly string[] = ['condition', 'waterfront']
const inputOf: Partial<Record<string, string>> = { latitude: 'lat', longitude: 'long' }

/** What ONNX Runtime says of houses in this process, all in one run. */
export const priceDirectly = async (houses: readonly House[]): Promise<number[]> => {
  const session = await InferenceSession.create(join(shippedModel('housing'), 'model.onnx'))
  const shape = [houses.length, 1]
  const tensorOf = (feature: (typeof features)[number]) => {
    const values = houses.map((house) => house[feature])
    if (texts.includes(feature)) return new Tensor('string', values.map(String), shape)
    return integers.includes(feature)
      ? new Tensor('int64', BigInt64Array.from(values, BigInt), shape)
      : new Tensor('float32', Float32Array.from(values, Number), shape)
  }
  const feeds = Object.fromEntries(
    features.map((feature) => [inputOf[feature] ?? feature, tensorOf(feature)]),
  )
  const { variable } = await session.run(feeds)
  await session.release()
  if (!variable) throw new Error('the model has no output "variable"')
  return Array.from(variable.data, Number)
}

import { createHmac, randomBytes } from 'node:crypto'
import { ulid } from 'ulid'
import { idAlphabet, idSuffixLength } from '../contract/prediction-id.ts'

/** A new prediction id, `<model>-<ULID>`: sorts by creation time within a model. */
export const newPredictionId = (model: string, now: number) => `${model}-${ulid(now, nextRandom)}`

/**
 * The prediction id of an idempotent submit: the same for the same owner, model and key, on every API process.
 * An HMAC, so that ids can't be guessed from keys.
 */
export const keyedPredictionId = (options: {
  model: string
  owner: string
  idempotencyKey: string
  secret: string
}) => {
  const { model, owner, idempotencyKey, secret } = options
  const mac = createHmac('sha256', secret)
    .update(JSON.stringify([owner, model, idempotencyKey]))
    .digest()
  return `${model}-${Array.from({ length: idSuffixLength }, (_, index) => idAlphabet[fiveBits(mac, index)]).join('')}`
}

let randomPool = Buffer.alloc(0)
let randomUsed = 0

/** From 0 to below 1 in steps of 1/256. Out of a pool: 16 of them go into an id, and asking the system each time is slow. */
const nextRandom = () => {
  if (randomUsed === randomPool.length) {
    randomPool = randomBytes(4096)
    randomUsed = 0
  }
  return randomPool.readUInt8(randomUsed++) / 256
}

const fiveBits = (bytes: Buffer, index: number) => {
  const bit = index * 5
  const pair = bytes.readUInt16BE(bit >> 3)
  return (pair >> (11 - (bit & 7))) & 31
}

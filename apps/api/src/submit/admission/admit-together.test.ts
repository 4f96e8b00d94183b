import { expect, test } from 'vitest'
import { modelEntry } from '../../models/model-entry.fixture.ts'
import { admitTogether } from './admit-together.ts'
import type { AdmittedWeight } from './admission.ts'

const entry = modelEntry('iris')
const weight = { rows: 2, inputBytes: 10 }

const open = (count: number, { refuse = (): Error | undefined => undefined } = {}) => {
  const admitted: AdmittedWeight[] = []
  const admit = async (_entry: typeof entry, asked: AdmittedWeight) => void admitted.push(asked)
  return { admitted, one: admitTogether({ admit }, { count, refuse }) }
}

test('all that ask are let in by one question, when the last one has asked or has settled', async () => {
  const { admitted, one } = open(3)

  const [first, second, third] = [one(), one(), one()]
  const waits = Promise.all([first.admit(entry, weight), second.admit(entry, { rows: 1, inputBytes: 5 })])
  expect(admitted).toEqual([])
  third.settle()
  await waits

  expect(admitted).toEqual([{ rows: 3, inputBytes: 15, predictions: 2 }])
})

test('to settle after the question was asked counts for nothing', async () => {
  const { admitted, one } = open(2)

  const first = one()
  const waits = first.admit(entry, weight)
  first.settle()
  first.settle()
  expect(admitted).toEqual([])
  one().settle()
  await waits

  expect(admitted.length).toBe(1)
})

test('where none asks, nothing is asked', () => {
  const { admitted, one } = open(1)

  one().settle()

  expect(admitted).toEqual([])
})

test('one that asks once more is by itself', async () => {
  const { admitted, one } = open(1)

  const only = one()
  await only.admit(entry, weight)
  await only.admit(entry, weight)

  expect(admitted).toEqual([{ ...weight, predictions: 1 }, weight])
})

test('what could never be let in is refused to all of them', async () => {
  const { admitted, one } = open(2, { refuse: () => new Error('too many') })

  const waits = [one().admit(entry, weight), one().admit(entry, weight)]

  await Promise.all(waits.map((wait) => expect(wait).rejects.toThrow('too many')))
  expect(admitted).toEqual([])
})

import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { ProofWhenIdle } from './proof-when-idle.ts'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

/** Looks once a second whether it is idle; `shows` is how many tries it takes until something is known. */
const begin = ({ isUndecided = true, shows = 1 } = {}) => {
  let isBusy = false
  let tries = 0
  let known = 0
  const proof = new ProofWhenIdle({
    supervisor: {
      slots: [],
      known: {
        description: { isUndecided },
        proveIn: async () => ++tries === shows,
      },
    },
    idleMs: 1000,
    isBusy: () => isBusy,
    onKnown: () => (known += 1),
  })
  return {
    proof,
    seconds: (count: number) => vi.advanceTimersByTimeAsync(count * 1000),
    setBusy: (value: boolean) => (isBusy = value),
    counts: () => ({ tries, known }),
  }
}

test('rows are looked at once some have run and nothing has run for a while, until it is known', async () => {
  const { proof, seconds, counts } = begin()
  await seconds(5)
  expect(counts()).toEqual({ tries: 0, known: 0 })

  proof.ran()
  await seconds(1)
  expect(counts()).toEqual({ tries: 0, known: 0 })
  await seconds(1)
  expect(counts()).toEqual({ tries: 1, known: 1 })

  proof.ran()
  await seconds(10)
  expect(counts()).toEqual({ tries: 1, known: 1 })
  expect(vi.getTimerCount()).toBe(0)
})

test('a version that runs rows is left alone', async () => {
  const { proof, seconds, setBusy, counts } = begin()
  for (let second = 0; second < 10; second++) {
    proof.ran()
    await seconds(1)
  }
  setBusy(true)
  await seconds(10)
  expect(counts().tries).toBe(0)

  setBusy(false)
  await seconds(1)
  expect(counts().tries).toBe(1)
})

test('where rows showed nothing it is tried again when more have run', async () => {
  const { proof, seconds, counts } = begin({ shows: 2 })
  proof.ran()
  await seconds(10)
  expect(counts()).toEqual({ tries: 1, known: 0 })

  proof.ran()
  await seconds(10)
  expect(counts()).toEqual({ tries: 2, known: 1 })
})

test('nothing is looked at where it is known, or the version is closed', async () => {
  const known = begin({ isUndecided: false })
  const closed = begin()
  closed.proof.close()

  expect(vi.getTimerCount()).toBe(0)
  expect(known.counts().tries).toBe(0)
})

import { predictDemo } from './demo-classifier.ts'
import type { Row } from './question.ts'

/** A model of the storm: where it is from, and its rows, whose outputs are computed here in another way than there. */
export type StormModel = {
  name: string
  /** its folder, from the root of the repository */
  folder: string
  /** its `model.yaml`, where it is not the folder's own */
  settings?: string
  /** A row that no other prediction of the storm has, so that no output can be taken for another's. */
  row: (serial: number, random: () => number) => Row
}

const oneExecutor = 'instances: 1\n'
/** Beyond the numbers that have a meaning of their own, to `echo` for one. */
const firstNumber = 10_000

/** Answers with what it was asked. */
const echo: StormModel = {
  name: 'echo',
  folder: 'tests/models/crashes',
  settings: oneExecutor,
  row: (serial) => ({ input: { i: firstNumber + serial }, output: { y: firstNumber + serial } }),
}

/** Two inputs, two outputs. Its sums are exact in 32 bits up to four million. */
const sums: StormModel = {
  name: 'sums',
  folder: 'tests/models/two-inputs',
  settings: oneExecutor,
  row: (serial, random) => {
    const half = Math.floor(random() * 100) / 2
    const number = firstNumber + serial
    return { input: { a: [half, 1], b: number }, output: { total: number + half + 1, doubled: 2 * number } }
  },
}

/** Takes no time for a number below zero. */
const slow: StormModel = {
  name: 'slow',
  folder: 'tests/models/slow',
  settings: `${oneExecutor}timeout_s: 30\nexample: { n: [1] }\n`,
  row: (serial) => ({ input: { n: [-firstNumber - serial] }, output: { y: -firstNumber - serial } }),
}

/** A table of ten numbers. */
const throws: StormModel = {
  name: 'throws',
  folder: 'tests/models/throws',
  settings: oneExecutor,
  row: (serial) => ({ input: { i: serial % 10 }, output: { value: 10 * (serial % 10) } }),
}

/** The classifier that ships. */
const demo: StormModel = {
  name: 'demo-classifier',
  folder: 'models/demo-classifier',
  row: (serial, random) => {
    const features = [serial / 1000, ...Array.from({ length: 3 }, () => random() * 4 - 2)]
    return { input: { features }, output: predictDemo(features) }
  },
}

export const models = { echo, sums, slow, throws, demo } as const

/** Those whose rows are all different, and take no time. */
export const quickModels: readonly StormModel[] = [echo, sums, slow, demo]

/** A row of `slow` that runs for so long. */
export const busyRow = (milliseconds: number): Row => ({
  input: { n: [milliseconds] },
  output: { y: milliseconds },
})

/** A row of `throws` that fails, and makes the run fail that it is in. */
export const badRow: Row = { input: { i: 99 }, code: 'inference_failed' }

/**
 * A row of `echo` that ends its executor. It takes three of them until it is found guilty: where its workers are lost again and
 * again before that, it fails for this.
 */
export const poisonRow: Row = { input: { i: 999 }, code: 'executor_crashed', orCode: 'worker_lost' }

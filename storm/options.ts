import { join } from 'node:path'
import { SetupError } from '../scripts/bootstrap/setup-error.mjs'
import { readArguments } from '../bench/read-arguments.ts'
import { brokenBuilds } from './broken/broken-builds.ts'
import type { BrokenBuild } from './broken/broken-builds.ts'
import { libfaketime } from '../tests/support/fake-clock.ts'

export type Options = {
  seed: number
  predictions: number
  /** of a batch that is stormed in place of predictions */
  batchRows: number | undefined
  /** runs this one in place of the apps as they are */
  brokenBuild: BrokenBuild | undefined
  /** gives the workers clocks that are wrong */
  isSkewed: boolean
  outputFile: string
}

const usage =
  'npm run storm -- --seed N [--predictions 20000] [--skew] [--break NAME] [--output FILE], or of a batch in place of predictions: npm run storm -- --seed N --batch [--rows 1000000] [--break NAME] [--output FILE]'

/** Throws a `SetupError` that says what may be typed. */
export const readOptions = (args: readonly string[]): Options => {
  const {
    seed,
    predictions,
    batch,
    rows,
    break: brokenName,
    skew,
    output,
  } = readArguments(args, {
    usage,
    options: {
      seed: { type: 'string' },
      predictions: { type: 'string', default: '20000' },
      batch: { type: 'boolean', default: false },
      rows: { type: 'string', default: '1000000' },
      break: { type: 'string' },
      skew: { type: 'boolean', default: false },
      output: { type: 'string', default: join(import.meta.dirname, 'results/latest.json') },
    },
  })
  if (seed === undefined) throw new SetupError(`--seed is missing. Usage: ${usage}`)
  if (skew && batch) throw new SetupError(`--skew goes with predictions, not with --batch. Usage: ${usage}`)
  if (skew && libfaketime === undefined)
    throw new SetupError('--skew needs libfaketime, which is not here: apt-get install faketime brings it.')
  return {
    seed: toCount('seed', seed),
    predictions: toCount('predictions', predictions),
    batchRows: batch ? toCount('rows', rows) : undefined,
    brokenBuild: brokenName === undefined ? undefined : toBrokenBuild(brokenName),
    isSkewed: skew,
    outputFile: output,
  }
}

const toCount = (name: string, text: string) => {
  if (!/^[1-9]\d{0,8}$/.test(text)) {
    throw new SetupError(`--${name} takes a whole number from 1 on, not "${text}". Usage: ${usage}`)
  }
  return Number(text)
}

const toBrokenBuild = (name: string) => {
  const build = brokenBuilds.find((one) => one.name === name)
  if (build) return build
  const names = brokenBuilds.map((one) => one.name).join(', ')
  throw new SetupError(`There is no broken build "${name}"; these are there: ${names}.`)
}

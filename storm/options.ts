import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { messageOf, SetupError } from '../scripts/bootstrap/setup-error.mjs'
import { brokenBuilds } from './broken/broken-builds.ts'
import type { BrokenBuild } from './broken/broken-builds.ts'

export type Options = {
  seed: number
  predictions: number
  /** runs this one in place of the apps as they are */
  brokenBuild: BrokenBuild | undefined
  outputFile: string
}

const usage = 'npm run storm -- --seed N [--predictions 20000] [--break NAME] [--output FILE]'

/** Throws a `SetupError` that says what may be typed. */
export const readOptions = (args: readonly string[]): Options => {
  const { seed, predictions, break: brokenName, output } = parse(args)
  if (seed === undefined) throw new SetupError(`--seed is missing. Usage: ${usage}`)
  return {
    seed: toCount('seed', seed),
    predictions: toCount('predictions', predictions),
    brokenBuild: brokenName === undefined ? undefined : toBrokenBuild(brokenName),
    outputFile: output,
  }
}

const parse = (args: readonly string[]) => {
  try {
    return parseArgs({
      args: [...args],
      options: {
        seed: { type: 'string' },
        predictions: { type: 'string', default: '20000' },
        break: { type: 'string' },
        output: { type: 'string', default: join(import.meta.dirname, 'results/latest.json') },
      },
    }).values
  } catch (err) {
    throw new SetupError(`${messageOf(err)}. Usage: ${usage}`, { cause: err })
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

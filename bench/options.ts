import { join } from 'node:path'
import { SetupError } from '../scripts/bootstrap/setup-error.mjs'
import { readArguments } from './read-arguments.ts'
import { fullPlan, partNames, quickPlan, usualParts } from './measure/plan.ts'
import type { PartName, Plan } from './measure/plan.ts'

export type Options = { parts: readonly PartName[]; plan: Plan; outputFile: string }

const usage = `npm run bench -- [--only PART[,PART]] [--quick] [--output FILE]   (parts: ${partNames.join(', ')})`

/** Throws a `SetupError` that says what may be typed. */
export const readOptions = (args: readonly string[]): Options => {
  const { only, quick, output } = readArguments(args, {
    usage,
    options: {
      only: { type: 'string' },
      quick: { type: 'boolean', default: false },
      output: { type: 'string', default: join(import.meta.dirname, 'results/latest.json') },
    },
  })
  return {
    parts: only === undefined ? usualParts : only.split(',').map(toPart),
    plan: quick ? quickPlan : fullPlan,
    outputFile: output,
  }
}

const toPart = (name: string): PartName => {
  const part = partNames.find((known) => known === name)
  if (part === undefined) throw new SetupError(`"${name}" is no part of the bench. Usage: ${usage}`)
  return part
}

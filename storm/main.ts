import { mkdir, writeFile } from 'node:fs/promises'
import { dirname, relative } from 'node:path'
import { runMain } from '../bench/processes/run-main.ts'
import { readOptions } from './options.ts'
import { tallyUp } from './report/tally.ts'
import { toDossier } from './report/to-dossier.ts'
import { toTable } from './report/to-table.ts'
import { runStorm } from './run-storm.ts'

const main = async () => {
  const { seed, predictions, brokenBuild, isSkewed, outputFile } = readOptions(process.argv.slice(2))
  const onPart = (part: string) => console.error(`storm of seed ${seed}: ${part} …`)

  const { evidence, violations, dealt, seconds } = await runStorm({
    seed,
    predictions,
    brokenBuild,
    isSkewed,
    onPart,
  })

  const tally = tallyUp(evidence, dealt)
  console.log(`\n${toTable({ seed, seconds, tally, violations })}`)
  await mkdir(dirname(outputFile), { recursive: true })
  await writeFile(outputFile, toDossier({ seed, predictions, tally, violations, evidence, dealt }))
  console.log(`Written to ${relative(process.cwd(), outputFile)}`)
  return violations.length > 0 ? 1 : 0
}

runMain(main)

import { mkdir, writeFile } from 'node:fs/promises'
import { dirname, relative } from 'node:path'
import { runMain } from '../bench/processes/run-main.ts'
import { readOptions } from './options.ts'
import { toBatchLines } from './report/to-batch-lines.ts'
import { tallyUp } from './report/tally.ts'
import { toDossier } from './report/to-dossier.ts'
import { toTable } from './report/to-table.ts'
import { runBatchStorm } from './run-batch-storm.ts'
import { runStorm } from './run-storm.ts'

const main = async () => {
  const { batchRows, outputFile, seed, ...options } = readOptions(process.argv.slice(2))
  const onPart = (part: string) => console.error(`storm of seed ${seed}: ${part} …`)

  const { table, dossier, violations } =
    batchRows === undefined
      ? await stormPredictions({ ...options, seed, onPart })
      : await stormBatch({ ...options, seed, rows: batchRows, onPart })

  console.log(`\n${table}`)
  await mkdir(dirname(outputFile), { recursive: true })
  await writeFile(outputFile, dossier)
  console.log(`Written to ${relative(process.cwd(), outputFile)}`)
  return violations.length > 0 ? 1 : 0
}

const stormPredictions = async (options: Parameters<typeof runStorm>[0]) => {
  const { seed, predictions } = options
  const { evidence, violations, dealt, seconds } = await runStorm(options)
  const tally = tallyUp(evidence, dealt)
  return {
    table: toTable({ seed, seconds, tally, violations }),
    dossier: toDossier({ seed, predictions, tally, violations, evidence, dealt }),
    violations,
  }
}

const stormBatch = async (options: Parameters<typeof runBatchStorm>[0]) => {
  const { seed } = options
  const { evidence, batch, stormed, violations, seconds } = await runBatchStorm(options)
  const tally = tallyUp(evidence, stormed.dealt)
  const predictions = evidence.entries.length
  return {
    table: toTable({ seed, seconds, tally, violations, more: toBatchLines(batch, stormed) }),
    dossier: toDossier({ seed, predictions, tally, violations, evidence, dealt: stormed.dealt, batch }),
    violations,
  }
}

runMain(main)

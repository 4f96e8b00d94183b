import { mkdir, writeFile } from 'node:fs/promises'
import { dirname, relative } from 'node:path'
import { closeAll } from '../bench/processes/closing.ts'
import { messageOf, SetupError } from '../scripts/bootstrap/setup-error.mjs'
import { readOptions } from './options.ts'
import { tallyUp } from './report/tally.ts'
import { toDossier } from './report/to-dossier.ts'
import { toTable } from './report/to-table.ts'
import { runStorm } from './run-storm.ts'

const main = async () => {
  const { seed, predictions, brokenBuild, outputFile } = readOptions(process.argv.slice(2))
  const onPart = (part: string) => console.error(`storm of seed ${seed}: ${part} …`)

  const { evidence, violations, dealt, seconds } = await runStorm({
    seed,
    predictions,
    brokenBuild,
    onPart,
  })

  const tally = tallyUp(evidence, dealt)
  console.log(`\n${toTable({ seed, seconds, tally, violations })}`)
  await mkdir(dirname(outputFile), { recursive: true })
  await writeFile(outputFile, toDossier({ seed, predictions, tally, violations, evidence, dealt }))
  console.log(`Written to ${relative(process.cwd(), outputFile)}`)
  return violations.length > 0 ? 1 : 0
}

let isInterrupted = false
const interrupt = () => {
  // one Ctrl-C may come twice: from the terminal, and from npm
  if (isInterrupted) return
  isInterrupted = true
  void closeAll().finally(() => process.exit(130))
}
for (const event of ['SIGINT', 'SIGTERM', 'SIGHUP', 'disconnect']) process.on(event, interrupt)

main().then(
  (exitCode) => process.exit(exitCode),
  async (err: unknown) => {
    // what failed because it was ended is no news
    if (isInterrupted) return
    console.error(err instanceof SetupError ? messageOf(err) : err)
    await closeAll()
    process.exit(1)
  },
)

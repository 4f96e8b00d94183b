import { mkdir, writeFile } from 'node:fs/promises'
import { dirname, relative } from 'node:path'
import { listFailures, runParts } from './measure/run-parts.ts'
import { readOptions } from './options.ts'
import { runMain } from './processes/run-main.ts'
import { describeMachine, toHeading } from './report/machine.ts'
import { toReport } from './report/report.ts'
import { judge } from './report/targets.ts'

const main = async () => {
  const { parts, plan, outputFile } = readOptions(process.argv.slice(2))
  const machine = await describeMachine()
  const startedAt = new Date()

  const results = await runParts(parts, plan, { onPart: (name) => console.error(`measuring ${name} …`) })

  const targets = judge(results)
  const { failures, examples } = listFailures(results)
  await writeJson(outputFile, { startedAt, machine, plan, results, targets, failures })
  console.log(`\n${toHeading(machine, { startedAt, plan })}\n\n${toReport(results, targets)}\n`)
  console.log(`Written to ${relative(process.cwd(), outputFile)}`)
  if (failures > 0) {
    console.error(`${failures} answers were wrong, such as:\n  ${examples.join('\n  ')}`)
  }
  return failures > 0 ? 1 : 0
}

const writeJson = async (file: string, value: unknown) => {
  await mkdir(dirname(file), { recursive: true })
  await writeFile(file, `${JSON.stringify(value, null, 2)}\n`)
}

runMain(main)

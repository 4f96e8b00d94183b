import { readdirSync } from 'node:fs'
import { readCase } from './backend-case.ts'
import { runCase } from './run-case.ts'
import type { Verdict } from './run-case.ts'

const [folder, ...wanted] = process.argv.slice(2)
const atOnce = 2

if (folder === undefined) {
  console.error('Usage: node scripts/bootstrap.mjs run tests/onnx-backend/run-all.ts FOLDER [TEST …]')
  process.exitCode = 1
} else {
  const names = readdirSync(folder).filter((name) => wanted.length === 0 || wanted.includes(name))
  const verdicts: (Verdict & { name: string })[] = []
  const waiting = names.values()
  const work = async () => {
    for (const name of waiting) {
      const verdict = await runCase(await readCase(folder, name))
      verdicts.push({ name, ...verdict })
      if (verdict.kind !== 'right') console.log(`${name}: ${verdict.kind}: ${verdict.detail}`)
    }
  }
  await Promise.all(Array.from({ length: atOnce }, work))
  const counts = Map.groupBy(verdicts, ({ kind }) => kind)
  for (const [kind, all] of counts) console.log(`${all.length} ${kind}`)
  process.exitCode = counts.has('another contract') ? 1 : 0
}

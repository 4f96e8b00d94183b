import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { runChild } from '../bootstrap/run-child.mjs'

export type Check = {
  name: string
  /** a program of node_modules/.bin that is JavaScript */
  tool: string
  args: readonly string[]
}

/** Runs a check and says how it went in one line; what the tool printed is shown only when it failed. */
export const runCheck = async ({ name, tool, args }: Check) => {
  const startedAt = performance.now()
  const { exitCode, output } = await runQuietly([join('node_modules/.bin', tool), ...args])
  const seconds = ((performance.now() - startedAt) / 1000).toFixed(1)

  if (exitCode !== 0) console.log(output)
  const verdict = exitCode === 0 ? 'ok' : `FAILED (npx ${[tool, ...args].join(' ')})`
  console.log(`${name}: ${verdict}, ${seconds} s`)
  return exitCode
}

const runQuietly = async (args: readonly string[]): Promise<{ exitCode: number; output: string }> => {
  // a file instead of pipes: stdout and stderr keep their order
  const folder = mkdtempSync(join(tmpdir(), 'onqueue-check-'))
  const file = join(folder, 'output')
  const log = openSync(file, 'w')
  try {
    const exitCode = await runChild(process.execPath, args, { stdio: ['ignore', log, log] })
    return { exitCode, output: readFileSync(file, 'utf8').trim() }
  } finally {
    closeSync(log)
    rmSync(folder, { recursive: true })
  }
}

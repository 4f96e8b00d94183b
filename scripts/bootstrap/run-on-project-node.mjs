// Bare Node >= 20.19: the bootstrap uses it before anything is installed.

import { isUtf8 } from 'node:buffer'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { ensurePackages } from './ensure-packages.mjs'
import { runChild } from './run-child.mjs'
import { SetupError } from './setup-error.mjs'

const root = join(import.meta.dirname, '../..')

/**
 * @param {readonly string[]} commandLine `start`, `test`, `check`, `fix` or `run <file.ts>`, and the script's arguments
 * @returns {Promise<number>} the exit code
 */
export const runOnProjectNode = async ([command, ...args]) => {
  const nodeArgs = toNodeArgs(command, args)
  endWithNpm()
  const exitCode = await ensurePackages(root)
  if (exitCode !== 0) return exitCode

  // by the IPC channel the script learns that this process is gone, however it went
  return runChild(findNode(), nodeArgs, {
    cwd: root,
    stdio: ['inherit', 'inherit', 'inherit', 'ipc'],
    // every process below inherits it: the TypeScript is stripped once, which saves each of them 35 MB and 0.3 s
    env: { NODE_COMPILE_CACHE: join(root, '.cache/compile'), ...process.env },
  })
}

/**
 * npm passes a signal to the shell that it runs scripts in, and the shell dies of it without a word to us: that it is
 * gone is the signal.
 */
const endWithNpm = () => {
  if (process.env.npm_lifecycle_event === undefined) return
  const parent = process.ppid
  const watch = setInterval(() => {
    if (process.ppid === parent) return
    clearInterval(watch)
    process.kill(process.pid, 'SIGTERM')
  }, 250)
  watch.unref()
}

/**
 * @param {string | undefined} command
 * @param {readonly string[]} args
 */
const toNodeArgs = (command, args) => {
  // Node says it on stderr when the file is not there, so it is asked only for one that is
  const envFile = hasEnvFile() ? ['--env-file-if-exists=.env'] : []
  // it only watches the others
  if (command === 'start') return [...envFile, '--max-semi-space-size=1', 'scripts/start/start.ts', ...args]
  if (command === 'run' && args.length > 0) return [...envFile, ...args]
  if (command === 'test' || command === 'check' || command === 'fix')
    return [`scripts/check/${command}.ts`, ...args]
  throw new SetupError(
    'Usage: node scripts/bootstrap.mjs start | test | check | fix | run <file.ts> [arguments]',
  )
}

/** Node reads UTF-8, takes a byte order mark for a part of the first name, and passes over what it can't read. */
const hasEnvFile = () => {
  const file = join(root, '.env')
  if (!existsSync(file)) return false
  const bytes = readFileSync(file)
  if (isUtf8(bytes) && !bytes.includes('\ufeff') && !bytes.includes('\0')) return true
  throw new SetupError(
    '.env can\'t be read: save it as UTF-8 without a byte order mark (PowerShell: Set-Content -Encoding ascii .env "PORT=9000").',
  )
}

/** The `node` package's binary; where its install script was not run or has none for this system, a Node that is new enough. */
const findNode = () => {
  const binary = join(root, 'node_modules/node/bin/node')
  if (existsSync(binary)) return binary
  if (Number.parseInt(process.versions.node, 10) >= 24) return process.execPath
  throw new SetupError(
    `Node 24 is missing: node_modules/node/bin/node is not there. Type "npm rebuild node" (if npm is set to ignore-scripts: "npm rebuild node --ignore-scripts=false"), or install Node 24 yourself.`,
  )
}

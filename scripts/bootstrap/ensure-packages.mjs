// Bare Node >= 20.19: the bootstrap uses it before anything is installed.

import { createHash } from 'node:crypto'
import { closeSync, openSync, readFileSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { withFolderLock } from './presence.mjs'
import { runChild } from './run-child.mjs'
import { messageOf, SetupError } from './setup-error.mjs'

const stampFile = 'node_modules/.onqueue-lock-sha256'

/**
 * Runs `npm ci` unless node_modules is what package-lock.json says.
 *
 * A stamp in node_modules holds the hash of the lock file it was installed from, so that the usual answer costs one
 * small read. Without a stamp that fits (somebody typed `npm install`) npm's own record of what it installed decides.
 *
 * @param {string} root
 * @returns {Promise<number>} 0, or the exit code of an npm that was interrupted
 */
export const ensurePackages = async (root) => {
  const stamp = computeStamp(root)
  if (readText(join(root, stampFile)) === stamp) return 0

  return withFolderLock(
    join(root, '.cache/installing'),
    async () => {
      // whoever had the lock before may have done it
      if (readText(join(root, stampFile)) === stamp) return 0
      if (!matchesLockFile(root)) {
        const exitCode = await install(root)
        if (exitCode !== 0) return exitCode
      }
      writeFileSync(join(root, stampFile), stamp)
      return 0
    },
    { onWait: () => say('another start is installing here; waiting for it') },
  ).catch((err) => {
    throw explainFolder(err)
  })
}

/**
 * What the system said of a file in here, as a sentence; any other error stays what it is.
 *
 * @param {unknown} err
 */
const explainFolder = (err) =>
  err instanceof Error && 'syscall' in err
    ? new SetupError(
        `Packages: can't be installed here (${err.message}). ${adviceFor(err.message) ?? 'Clone into a folder that you may write to.'}`,
      )
    : err

/** @param {string} sentence */
const say = (sentence) => console.log(`Packages: ${sentence}`)

/** @param {string} root */
const computeStamp = (root) => {
  const lockFile = readText(join(root, 'package-lock.json'))
  if (lockFile === undefined)
    throw new SetupError(`package-lock.json is not in ${root}: check the clone ("git status").`)
  const hash = createHash('sha256').update(lockFile).digest('hex')
  // packages with binaries differ by platform: a folder copied or mounted from another machine is stale
  return `${hash} ${process.platform}-${process.arch}\n`
}

/**
 * Whether npm's record of what is in node_modules fits package-lock.json. npm writes the record last.
 *
 * @param {string} root
 */
const matchesLockFile = (root) => {
  const installed = readText(join(root, 'node_modules/.package-lock.json'))
  const locked = readText(join(root, 'package-lock.json'))
  if (installed === undefined || locked === undefined) return false

  const isInstalled = JSON.parse(installed).packages
  return Object.entries(JSON.parse(locked).packages).every(
    ([path, { version, resolved, optional, devOptional }]) => {
      if (!path.includes('node_modules/')) return true
      const found = isInstalled[path]
      if (found === undefined) return optional === true || devOptional === true
      return found.version === version && (found.link !== true || found.resolved === resolved)
    },
  )
}

/** @param {string} root */
const install = async (root) => {
  const startedAt = performance.now()
  say('installing with npm ci (about a minute the first time)')
  let { exitCode, output } = await runNpm(root, ['ci'])
  if (exitCode === 1 && lockFileIncomplete.test(output)) {
    say('npm ci finds package-lock.json incomplete; installing with npm install --no-save')
    ;({ exitCode, output } = await runNpm(root, ['install', '--no-save']))
  }

  if (exitCode >= 128) say('npm was interrupted')
  else if (exitCode > 0) throw new SetupError(describeFailure(output))
  else say(`installed in ${Math.round((performance.now() - startedAt) / 1000)} s`)
  return exitCode
}

// npm leaves the binaries of other platforms out of the lock file when the registry at hand doesn't have them, and
// npm ci then refuses on every platform. npm install keeps to the versions of the lock file too, and asks for the rest.
const lockFileIncomplete = /can only install packages when your package\.json and package-lock\.json/

/**
 * @param {string} root
 * @param {readonly string[]} subcommand
 */
const runNpm = async (root, subcommand) => {
  const logFile = join(root, '.cache/npm.log')
  const log = openSync(logFile, 'w')
  try {
    const [command, ...args] = findNpm()
    const exitCode = await runChild(
      command,
      [...args, ...subcommand, '--include=dev', '--no-audit', '--no-fund', '--loglevel=warn'],
      {
        cwd: root,
        stdio: ['ignore', log, log],
        // onnxruntime-node's install script only downloads GPU libraries; the CPU library is in the package
        env: { ONNXRUNTIME_NODE_INSTALL: 'skip', ...process.env },
      },
    )
    return { exitCode, output: readText(logFile) ?? '' }
  } catch (err) {
    throw new SetupError(
      `npm could not be run (${messageOf(err)}): it comes with Node; type "npm --version" to see whether it is on the PATH.`,
    )
  } finally {
    closeSync(log)
  }
}

/** @returns {[string, ...string[]]} under "npm start" the npm that runs this, so that both are of one version */
const findNpm = () => {
  const running = process.env.npm_execpath
  return running !== undefined && basename(running) === 'npm-cli.js' ? [process.execPath, running] : ['npm']
}

/** @param {string} output what npm printed */
const describeFailure = (output) => {
  const errors = output
    .split('\n')
    .filter((line) => !line.startsWith('npm warn') && line.trim() !== 'npm error')
  const advice = adviceFor(output) ?? 'Mend what npm says above, then type the same command again.'
  return `${errors.slice(0, 30).join('\n').trim()}\n\nPackages: npm failed. ${advice}`
}

/** @param {string} message */
const adviceFor = (message) => adviceBySign.find(({ sign }) => sign.test(message))?.advice

const adviceBySign = [
  {
    sign: /ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ETIMEDOUT|ENETUNREACH/,
    advice:
      'The npm registry can\'t be reached: check the network (behind a proxy: "npm config set proxy URL"), then type the same command again.',
  },
  { sign: /ENOSPC/, advice: 'The disk is full: make room, then type the same command again.' },
  {
    sign: /EACCES|EPERM/,
    advice: 'Files here belong to somebody else: type "sudo chown -R $(id -u) ." and the same command again.',
  },
]

/** @param {string} file */
const readText = (file) => {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return undefined
  }
}

// scripts/bootstrap.mjs in a folder of its own, with a stand-in for npm: the real one would take a minute, and this
// repository's packages away from the tests that run beside.

import {
  chmodSync,
  cpSync,
  globSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { runForTest } from './support/running-program.ts'
import type { RunningProgram } from './support/running-program.ts'

const lockFile = JSON.stringify({
  packages: {
    '': {},
    'node_modules/left': { version: '1.0.0' },
    'node_modules/mac-only': { version: '2.0.0', optional: true },
  },
})
const installed = JSON.stringify({ packages: { 'node_modules/left': { version: '1.0.0' } } })

const npmInstalls = `#!/bin/sh
echo "$@ ($ONNXRUNTIME_NODE_INSTALL)" >>npm-calls
mkdir -p node_modules/node/bin
ln -sf '${process.execPath}' node_modules/node/bin/node
`
const npmFails = `#!/bin/sh
echo "npm warn something else"
echo "npm error code ENOTFOUND"
exit 1
`
const npmCiRefuses = `${npmInstalls}
if [ "$1" = ci ]; then
  echo "npm error \\\`npm ci\\\` can only install packages when your package.json and package-lock.json are in sync."
  exit 1
fi
`

const makeProject = ({ npm }: { npm: string }) => {
  const root = mkdtempSync(join(tmpdir(), 'onqueue-bootstrap-'))
  onTestFinished(() => rmSync(root, { recursive: true }))
  mkdirSync(join(root, 'bin'))
  for (const file of globSync('scripts/**/*.mjs')) cpSync(file, join(root, file))
  writeFileSync(join(root, 'package-lock.json'), lockFile)
  writeFileSync(join(root, 'bin/npm'), npm)
  chmodSync(join(root, 'bin/npm'), 0o755)
  return root
}

const bootstrap = (root: string, ...args: string[]): RunningProgram =>
  runForTest(process.execPath, [join(root, 'scripts/bootstrap.mjs'), ...args], {
    env: {
      PATH: `${join(root, 'bin')}:${process.env.PATH}`,
      npm_execpath: '',
      ONNXRUNTIME_NODE_INSTALL: undefined,
    },
  })

const readCalls = (root: string) => readFileSync(join(root, 'npm-calls'), 'utf8').trim().split('\n')

const writeScript = (root: string, name: string, code: string) => {
  const file = join(root, 'scripts', name)
  mkdirSync(dirname(file), { recursive: true })
  writeFileSync(file, code)
}

test('packages are installed once, however many start at the same moment', async () => {
  const root = makeProject({ npm: npmInstalls })
  writeScript(root, 'hello.ts', 'console.log("hello", ...process.argv.slice(2))')

  const runs = [1, 2, 3].map((run) => bootstrap(root, 'run', 'scripts/hello.ts', String(run)))
  expect(await Promise.all(runs.map((run) => run.exited))).toEqual([0, 0, 0])
  const again = bootstrap(root, 'run', 'scripts/hello.ts', '4')

  expect(await again.exited).toBe(0)
  expect(again.output()).toBe('hello 4')
  expect(readCalls(root)).toEqual(['ci --include=dev --no-audit --no-fund --loglevel=warn (skip)'])
})

test.each([
  ['start', 'start/start.ts'],
  ['test', 'check/test.ts'],
  ['check', 'check/check.ts'],
  ['fix', 'check/fix.ts'],
])('%s installs what is missing, then runs scripts/%s with the arguments', async (command, script) => {
  const root = makeProject({ npm: npmInstalls })
  writeScript(root, script, 'console.log("runs", ...process.argv.slice(2))')

  const run = bootstrap(root, command, '-t', 'iris')

  expect(await run.exited).toBe(0)
  expect(run.output()).toMatch(/^Packages: installed [^]*\nruns -t iris$/m)
  expect(readCalls(root)).toHaveLength(1)
})

test('a package-lock.json that changed is installed anew', async () => {
  const root = makeProject({ npm: npmInstalls })
  writeScript(root, 'hello.ts', 'console.log("hello")')
  await bootstrap(root, 'run', 'scripts/hello.ts').exited

  writeFileSync(join(root, 'package-lock.json'), lockFile.replace('1.0.0', '1.0.1'))
  await bootstrap(root, 'run', 'scripts/hello.ts').exited

  expect(readCalls(root)).toHaveLength(2)
})

test("what somebody's own npm install brought is not installed again", async () => {
  const root = makeProject({ npm: npmInstalls })
  writeScript(root, 'hello.ts', 'console.log("hello")')
  await bootstrap(root, 'run', 'scripts/hello.ts').exited
  rmSync(join(root, 'node_modules/.onqueue-lock-sha256'))
  writeFileSync(join(root, 'node_modules/.package-lock.json'), installed)

  const run = bootstrap(root, 'run', 'scripts/hello.ts')

  expect(await run.exited).toBe(0)
  expect(readCalls(root)).toHaveLength(1)
})

test('when npm fails, what it said and what to do is shown, and the next start tries again', async () => {
  const root = makeProject({ npm: npmFails })

  const run = bootstrap(root, 'start')

  expect(await run.exited).toBe(1)
  expect(run.output()).toMatch(
    /npm error code ENOTFOUND\n\nPackages: npm failed\. The npm registry can't be reached: .*then type the same command again\.$/,
  )
  expect(run.output()).not.toMatch(/npm warn|at .*\.mjs/)
  expect(await bootstrap(root, 'start').exited).toBe(1)
})

test('a lock file that npm ci finds incomplete is installed all the same', async () => {
  const root = makeProject({ npm: npmCiRefuses })
  writeScript(root, 'hello.ts', 'console.log("hello")')

  const run = bootstrap(root, 'run', 'scripts/hello.ts')

  expect(await run.exited).toBe(0)
  expect(readCalls(root).at(-1)).toMatch(/^install --no-save /)
})

test('signals reach the script, and its exit code comes back', async () => {
  const root = makeProject({ npm: npmInstalls })
  writeScript(
    root,
    'start/start.ts',
    `for (const name of ['SIGINT', 'SIGTERM']) process.once(name, () => { console.log(name); if (name === 'SIGTERM') process.exit(7) })
     setInterval(() => {}, 60_000)
     console.log('up', process.env.NAME_IN_FILE)`,
  )
  writeFileSync(join(root, '.env'), 'NAME_IN_FILE=read\n')
  const run = bootstrap(root, 'start')
  await run.line(/^up read$/)

  run.kill('SIGINT')
  await run.line(/^SIGINT$/)
  run.kill('SIGTERM')

  expect(await run.exited).toBe(7)
})

test('a folder that packages can not be put into is told in a sentence', async () => {
  const root = makeProject({ npm: npmInstalls })
  writeFileSync(join(root, '.cache'), 'a file')

  const run = bootstrap(root, 'start')

  expect(await run.exited).toBe(1)
  expect(run.output()).toMatch(
    /^Packages: can't be installed here \(ENOTDIR: .*\.cache.*\)\. Clone into a folder that you may write to\.\n?$/,
  )
})

test.each([
  ['as PowerShell writes text', Buffer.from('\ufeffNAME_IN_FILE=read\n', 'utf16le')],
  ['with a byte order mark', Buffer.from('\ufeffNAME_IN_FILE=read\n')],
  ['in Latin-1', Buffer.from('NAME_IN_FILE=größe\n', 'latin1')],
])('a .env that would be passed over in silence is told, %s', async (_how, bytes) => {
  const root = makeProject({ npm: npmInstalls })
  writeScript(root, 'hello.ts', 'console.log("hello")')
  writeFileSync(join(root, '.env'), bytes)

  const run = bootstrap(root, 'run', 'scripts/hello.ts')

  expect(await run.exited).toBe(1)
  expect(run.output()).toMatch(/^\.env can't be read: save it as UTF-8 without a byte order mark/)
})

test('a script that was killed is told as a shell tells it', async () => {
  const root = makeProject({ npm: npmInstalls })
  writeScript(root, 'suicide.ts', "process.kill(process.pid, 'SIGKILL')")

  expect(await bootstrap(root, 'run', 'scripts/suicide.ts').exited).toBe(137)
})

test('the script learns that the bootstrap was killed', async () => {
  const root = makeProject({ npm: npmInstalls })
  writeScript(
    root,
    'start/start.ts',
    `process.once('disconnect', () => { console.log('alone'); process.exit() })
     console.log('up')`,
  )
  const run = bootstrap(root, 'start')
  await run.line(/^up$/)

  run.kill('SIGKILL')

  // the script holds the output open, so this is its end as well
  expect(await run.exited).toBe('SIGKILL')
  expect(run.output()).toMatch(/alone$/)
})

test('a script that npm runs ends in order when npm and its shell are gone', async () => {
  const root = makeProject({ npm: npmInstalls })
  writeScript(
    root,
    'start/start.ts',
    `process.once('SIGTERM', () => { console.log('in order'); process.exit() })
     setInterval(() => {}, 60_000)
     console.log('up')`,
  )
  // as npm does it; the second command keeps the shell from becoming the first
  const shell = runForTest(
    'sh',
    ['-c', `"${process.execPath}" "${root}/scripts/bootstrap.mjs" start; true`],
    {
      env: {
        PATH: `${join(root, 'bin')}:${process.env.PATH}`,
        npm_execpath: '',
        npm_lifecycle_event: 'start',
      },
    },
  )
  await shell.line(/^up$/)

  shell.kill('SIGTERM')

  // the script holds the output open, so this is its end as well
  expect(await shell.exited).toBe('SIGTERM')
  expect(shell.output()).toMatch(/in order$/)
})

test('a command that does not exist is explained', async () => {
  const run = bootstrap(makeProject({ npm: npmInstalls }), 'strat')

  expect(await run.exited).toBe(1)
  expect(run.output()).toBe(
    'Usage: node scripts/bootstrap.mjs start | test | check | fix | run <file.ts> [arguments]',
  )
})

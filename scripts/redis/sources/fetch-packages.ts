import { mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { messageOf } from '../../bootstrap/setup-error.mjs'
import type { RedisLog } from '../redis-log.ts'
import { isTooOld, parseVersion } from '../redis-version.ts'
import { runProgram } from '../run-program.ts'
import type { RedisProgram } from './launch-program.ts'

const servers = [
  { program: 'redis-server', packages: ['redis-server', 'redis-tools'] },
  { program: 'valkey-server', packages: ['valkey-server', 'valkey-tools'] },
]

/** What an earlier `fetchPackages` left, or undefined. */
export const readFetched = (folder: string): RedisProgram | undefined => {
  try {
    const { program, libraries, origin } = JSON.parse(readFileSync(join(folder, 'fetched.json'), 'utf8'))
    return { command: join(folder, program), origin, libraryPath: toLibraryPath(folder, libraries) }
  } catch {
    return undefined
  }
}

/**
 * Fetches Redis from Debian's or Ubuntu's packages without root and without installing anything: apt-get keeps its
 * lists and archives in a folder of ours, dpkg-deb unpacks, and LD_LIBRARY_PATH leads to the libraries that the
 * system lacks. Everything happens in a working folder that is renamed when the server in it has run once, so a
 * folder of the final name is always whole.
 */
export const fetchPackages = async (folder: string, { log }: { log: RedisLog }): Promise<RedisProgram> => {
  log.info("fetching it from the distribution's packages (once, a few seconds)")
  mkdirSync(dirname(folder), { recursive: true })
  const work = mkdtempSync(`${folder}.`)
  try {
    for (const name of ['apt/lists/partial', 'apt/archives/partial', 'root']) {
      mkdirSync(join(work, name), { recursive: true })
    }
    const fetched = await fetchServer(work, log)
    writeFileSync(join(work, 'fetched.json'), JSON.stringify(fetched))
    rmSync(join(work, 'apt'), { recursive: true })
    renameSync(work, folder)
  } finally {
    rmSync(work, { recursive: true, force: true })
  }
  const program = readFetched(folder)
  if (program === undefined) throw new Error(`${folder} is gone again`)
  return program
}

/** Paths are relative to `work`: the folder moves. */
type Fetched = { program: string; libraries: string[]; origin: string }

const fetchServer = async (work: string, log: RedisLog): Promise<Fetched> => {
  await apt(work, ['update']).catch((err) => {
    // one of the system's package sources may be down, and the others enough
    log.debug(messageOf(err))
  })
  const reasons: string[] = []
  for (const { program: name, packages } of servers) {
    try {
      await unpack(work, packages)
      const program = join('root/usr/bin', name)
      const libraries = await fetchMissingLibraries(work, program)
      const env = { ...process.env, LD_LIBRARY_PATH: toLibraryPath(work, libraries) }
      const version = parseVersion(
        await runProgram(join(work, program), ['--version'], { timeoutMs: 5000, env }),
      )
      if (isTooOld(version)) throw new Error(`the distribution's ${name} is ${version}, and 7.0 is needed`)
      return { program, libraries, origin: `${name} of the distribution's packages` }
    } catch (err) {
      reasons.push(messageOf(err))
    }
  }
  throw new Error(reasons.join('; '))
}

/** Downloads and unpacks what the unpacked packages depend on until the loader finds every library; answers where they are. */
const fetchMissingLibraries = async (work: string, program: string) => {
  for (;;) {
    const libraries = findLibraryFolders(work)
    const env = { ...process.env, LD_LIBRARY_PATH: toLibraryPath(work, libraries) }
    const loaded = await runProgram('ldd', [join(work, program)], { timeoutMs: 5000, env })
    const missing = [...loaded.matchAll(/(\S+) => not found/g)].map(([, library]) => library)
    if (missing.length === 0) return libraries

    const candidates = await listMissingDependencies(work)
    if (candidates.length === 0) throw new Error(`no package has ${missing.join(', ')}`)
    await unpack(work, candidates)
  }
}

const listMissingDependencies = async (work: string) => {
  const names = new Set<string>()
  for (const archive of listArchives(work)) {
    const depends = await runProgram('dpkg-deb', ['--field', join(work, 'apt', archive), 'Depends'], {
      timeoutMs: 5000,
    })
    // `libssl3 (>= 3.0.0), libjemalloc2:any | libjemalloc3, adduser`
    for (const [name] of depends.matchAll(/(?<=^|,\s*)lib[^\s,:|(]+/gm)) names.add(name)
  }
  for (const archive of listArchives(work)) names.delete(archive.split('_')[0] ?? '')
  const installed = await Promise.all([...names].map(isInstalled))
  return [...names].filter((_, index) => installed[index] === false)
}

const isInstalled = (name: string) =>
  runProgram('dpkg-query', ['--show', '--showformat', '${db:Status-Status}', name], { timeoutMs: 5000 }).then(
    (status) => status.startsWith('installed'),
    () => false,
  )

const unpack = async (work: string, packages: readonly string[]) => {
  const before = new Set(listArchives(work))
  await apt(work, ['download', ...packages])
  for (const archive of listArchives(work).filter((name) => !before.has(name))) {
    await runProgram('dpkg-deb', ['--extract', join(work, 'apt', archive), join(work, 'root')], {
      timeoutMs: 30_000,
    })
  }
}

/** apt-get downloads into the folder it runs in. */
const listArchives = (work: string) => readdirSync(join(work, 'apt')).filter((name) => name.endsWith('.deb'))

const apt = (work: string, args: readonly string[]) => {
  const options = [
    `Dir::State::Lists=${join(work, 'apt/lists')}`,
    `Dir::Cache=${join(work, 'apt')}`,
    // as root apt-get would download as the user _apt, who can't write here
    'APT::Sandbox::User=root',
    // only package names and addresses are wanted: that is two thirds of the bytes
    'Acquire::Languages=none',
    'Acquire::IndexTargets::deb::DEP-11::DefaultEnabled=false',
    'Acquire::http::Timeout=15',
    'Acquire::https::Timeout=15',
    'Acquire::Retries=1',
  ]
  const flags = options.flatMap((option) => ['-o', option])
  return runProgram('apt-get', ['-qq', ...flags, ...args], { timeoutMs: 120_000, cwd: join(work, 'apt') })
}

const findLibraryFolders = (work: string) => {
  const files = readdirSync(join(work, 'root'), { recursive: true, withFileTypes: true })
  const folders = files
    .filter(({ name }) => /\.so(\.|$)/.test(name))
    .map(({ parentPath }) => relative(work, parentPath))
  return [...new Set(folders)]
}

const toLibraryPath = (folder: string, libraries: readonly string[]) =>
  libraries.map((library) => join(folder, library)).join(':')

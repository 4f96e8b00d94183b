import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { readAvailableMemory } from './available-memory.ts'

/** A system as its files tell of it. */
const systemWith = async (files: Record<string, string>) => {
  const root = await mkdtemp(join(tmpdir(), 'onqueue-system-'))
  onTestFinished(() => rm(root, { recursive: true }))
  for (const [path, text] of Object.entries(files)) {
    await mkdir(dirname(join(root, path)), { recursive: true })
    await writeFile(join(root, path), `${text}\n`)
  }
  return root
}

const meminfo = 'MemTotal:  8000 kB\nMemFree:   1000 kB\nMemAvailable:   4000 kB'

test('without a limit it is what the machine has', async () => {
  const root = await systemWith({
    'proc/meminfo': meminfo,
    'proc/self/cgroup': '0::/a',
    'sys/fs/cgroup/a/memory.max': 'max',
    'sys/fs/cgroup/a/memory.current': '1000',
  })

  expect(await readAvailableMemory(root)).toBe(4_096_000)
})

test('a limit of the cgroup counts, and what is only kept of files does not', async () => {
  const root = await systemWith({
    'proc/meminfo': meminfo,
    'proc/self/cgroup': '0::/',
    'sys/fs/cgroup/memory.max': '1000000',
    'sys/fs/cgroup/memory.current': '900000',
    'sys/fs/cgroup/memory.stat': 'anon 500000\ninactive_file 300000',
  })

  expect(await readAvailableMemory(root)).toBe(400_000)
})

test('so does that of a cgroup above, and one that is exceeded leaves nothing', async () => {
  const files = {
    'proc/meminfo': meminfo,
    'proc/self/cgroup': '0::/pod/container',
    'sys/fs/cgroup/pod/container/memory.max': '2000000',
    'sys/fs/cgroup/pod/container/memory.current': '100000',
    'sys/fs/cgroup/pod/memory.max': '1000000',
  }

  const above = await systemWith({ ...files, 'sys/fs/cgroup/pod/memory.current': '250000' })
  const exceeded = await systemWith({ ...files, 'sys/fs/cgroup/pod/memory.current': '1000001' })

  expect(await readAvailableMemory(above)).toBe(750_000)
  expect(await readAvailableMemory(exceeded)).toBe(0)
})

test('version 1 of cgroups is read too, whose path is not to be seen in a container', async () => {
  const root = await systemWith({
    'proc/meminfo': meminfo,
    'proc/self/cgroup': '9:cpu,cpuacct:/docker/c0ffee\n8:memory:/docker/c0ffee\n0::/',
    'sys/fs/cgroup/memory/memory.limit_in_bytes': '3000000',
    'sys/fs/cgroup/memory/memory.usage_in_bytes': '2000000',
    'sys/fs/cgroup/memory/memory.stat': 'inactive_file 5\ntotal_inactive_file 500000',
  })

  expect(await readAvailableMemory(root)).toBe(1_500_000)
})

test('where the system tells nothing, nothing is known', async () => {
  expect(await readAvailableMemory(await systemWith({ 'etc/none': '' }))).toBe(undefined)
})

// other systems have no /proc
test.skipIf(process.platform !== 'linux')('of this machine something is known', async () => {
  expect(await readAvailableMemory()).toBeGreaterThan(0)
})

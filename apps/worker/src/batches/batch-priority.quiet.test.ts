import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdir, readFile, rm } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { expect, onTestFinished, test, vi } from 'vitest'
import { findDefinition } from './batch.fixture.ts'
import {
  irisLines,
  isAlive,
  open,
  parse,
  pidsOf,
  slowLines,
  untilPartHasBytes,
} from './opened-batches.fixture.ts'

/** How each thread of a process gets cores: the policies of the kernel, and how nice they are. */
const schedulingOf = async (pid: number) => {
  const threads = await readdir(`/proc/${pid}/task`)
  const ways = threads.map(async (thread) => {
    const fields = (await readFile(`/proc/${pid}/task/${thread}/stat`, 'utf8')).split(') ')[1]?.split(' ')
    return fields?.[38] === '5' ? 'SCHED_IDLE' : `nice ${fields?.[16]}`
  })
  return { threads: threads.length, ways: new Set(await Promise.all(ways)) }
}

test.runIf(process.platform === 'linux')(
  'an executor has what nobody else wants of the cores, and a name',
  async () => {
    const batches = await open({ priority: 'idle' })
    await batches.score(await findDefinition('iris'), await batches.put(irisLines(5000)))
    const [pid = 0] = await pidsOf(batches)

    const title = await readFile(`/proc/${pid}/cmdline`, 'utf8')
    const { threads, ways } = await schedulingOf(pid)

    expect(title).toMatch(/^onqueue-batch iris\/1(\0|$)/)
    expect(threads).toBeGreaterThan(3)
    expect(ways).toEqual(new Set(['SCHED_IDLE']))
  },
)

test.runIf(process.platform === 'linux')('without chrt all its threads are nice', async () => {
  const batches = await open({ priority: 'idle' })
  onTestFinished(() => void vi.unstubAllEnvs())
  vi.stubEnv('PATH', batches.folder)
  await batches.score(await findDefinition('iris'), await batches.put(irisLines(5000)))
  const [pid = 0] = await pidsOf(batches)

  const { threads, ways } = await schedulingOf(pid)

  expect(threads).toBeGreaterThan(3)
  expect(ways).toEqual(new Set(['nice 10']))
})

test.runIf(process.platform === 'linux')(
  'an executor that gets nothing of the cores is replaced by one that does, and so are those that come',
  async () => {
    const batches = await open({ starvedAfterMs: 1000, priority: 'idle' })
    const slow = await findDefinition('slow')
    const file = await batches.put(slowLines(...Array.from({ length: 10 }, () => 100)), { microBatchRows: 1 })
    const scoring = batches.score(slow, file)
    await untilPartHasBytes(batches)
    const [starving = 0] = await pidsOf(batches)

    process.kill(starving, 'SIGSTOP')

    const { output, convictions } = await scoring
    const [pid = 0] = await pidsOf(batches)
    await batches.score(await findDefinition('echo'), await batches.put('{"x":[1]}\n'))
    const [, other = 0] = await pidsOf(batches)
    expect(parse(output)).toHaveLength(10)
    expect(convictions).toEqual([])
    expect(isAlive(starving)).toBe(false)
    expect((await schedulingOf(pid)).ways).toEqual(new Set(['nice 10']))
    expect((await schedulingOf(other)).ways).toEqual(new Set(['nice 10']))
  },
)

test('an executor in the middle of a run ends when its worker is killed', async () => {
  const program = fileURLToPath(new URL('./fixtures/worker-that-scores.ts', import.meta.url))
  const worker = spawn(process.execPath, [program], { stdio: ['ignore', 'pipe', 'inherit'] })
  const [folder] = await once(worker.stdout, 'data')
  const scoresAt = performance.now()

  worker.kill('SIGKILL')

  // the executor holds the other end of standard output for as long as it lives
  await once(worker.stdout, 'end')
  expect(performance.now() - scoresAt).toBeLessThan(5000)
  await rm(String(folder).trim(), { recursive: true })
})

import { mkdirSync, readdirSync, readFileSync, statSync, watch } from 'node:fs'
import { join } from 'node:path'

/** A part that is being written. */
export type UnfinishedPart = { name: string; bytes: number }

/** What lies in a storage that is not finished, the longest first. */
export const unfinishedParts = (storage: string): UnfinishedPart[] =>
  readdirSync(join(storage, 'incoming'))
    .flatMap((name) => {
      const found = statSync(join(storage, 'incoming', name), { throwIfNoEntry: false })
      return found ? [{ name, bytes: found.size }] : []
    })
    .sort((a, b) => b.bytes - a.bytes)

/**
 * Resolves in the moment in which a part is found to be so long: at once, so that whoever writes it can be met in the middle. On a
 * machine that is too busy for that it is finished by then, which is a moment as good as another. The names of parts have `~` in
 * place of slashes.
 */
export const untilWritten = (
  storage: string,
  { part, bytes, withinMs = 60_000 }: { part: RegExp; bytes: number; withinMs?: number },
  act: () => void = () => undefined,
): Promise<void> => {
  const incoming = join(storage, 'incoming')
  mkdirSync(incoming, { recursive: true })
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  const look = (changed?: string | null) => {
    const found = unfinishedParts(storage)
    const isThere = found.some((one) => part.test(one.name) && one.bytes >= bytes)
    const isFinished = changed != null && part.test(changed) && !found.some(({ name }) => name === changed)
    if (!isThere && !isFinished) return
    watcher.close()
    clearTimeout(timer)
    act()
    resolve()
  }
  const watcher = watch(incoming, (_event, changed) => look(changed))
  const timer = setTimeout(() => {
    watcher.close()
    reject(new Error(`no part ${part} came to ${bytes} bytes within ${withinMs} ms`))
  }, withinMs)
  look()
  return promise
}

/** Pids of a worker's batch executors: looked up in no time, unlike those of `ps`. */
export const batchExecutorsOf = (worker: number): number[] =>
  readOr(`/proc/${worker}/task/${worker}/children`)
    .split(' ')
    .filter((pid) => pid !== '' && readOr(`/proc/${pid}/cmdline`).startsWith('onqueue-batch '))
    .map(Number)

const readOr = (path: string) => {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return ''
  }
}

import { setTimeout as sleep } from 'node:timers/promises'
import type { Logger } from '@onqueue/shared'
import { readUnread } from '../repository/read-model-repository.ts'
import type { ModelRepository, UnreadModel } from '../repository/read-model-repository.ts'
import { explainFailedReads, isLasting, loadRetryDelayMs } from '../supervision/load-retry.ts'

/** It keeps failing when so many tries have failed that nobody should wait for the next one. */
export type FailedRead = UnreadModel & { keepsFailing: boolean }

/**
 * Reads again what the machine could not read, at the pace at which models are loaded again, until it is read. `onFailed` is
 * told why not, at once and after each further try. Resolves to what was found, or to undefined when the signal aborts.
 */
export const readAtLast = async (
  unread: UnreadModel,
  {
    modelsDir,
    links,
    onFailed,
    signal,
    log,
  }: {
    modelsDir: string
    links: readonly string[]
    onFailed: (failed: FailedRead) => void
    signal: AbortSignal
    log: Pick<Logger, 'error'>
  },
): Promise<ModelRepository | undefined> => {
  const { name: model, version } = unread
  let why = unread.reason
  for (let failures = 1; ; failures++) {
    const reason = explainFailedReads(why, failures)
    const retryMs = loadRetryDelayMs(failures)
    log.error({ model, version, reason, retryMs }, 'model could not be read yet')
    onFailed({ ...unread, reason, keepsFailing: isLasting(failures) })
    await sleep(retryMs, undefined, { signal }).catch(() => undefined)
    if (signal.aborted) return undefined
    const found = await readUnread(modelsDir, unread, { links })
    const still = found.unread.find((one) => one.version === version)
    if (!still) return found
    why = still.reason
  }
}

import { setTimeout as sleep } from 'node:timers/promises'
import type { BatchClient, WatchedBatch } from './batch-client.ts'
import type { Display } from './display.ts'
import { untilAnswered } from './patience.ts'
import { showProgress } from './show-progress.ts'

/** A small batch has ended by then. */
const firstWaitMs = 100
const maxWaitMs = 1000

/** Shows how far a batch is until it has ended. A server that is away is waited for. */
export const watchBatch = async (
  client: BatchClient,
  { id, display, signal }: { id: string; display: Display; signal: AbortSignal },
): Promise<WatchedBatch> => {
  const read = () =>
    untilAnswered(() => client.read(id, signal), {
      signal,
      mayTryAgain: () => true,
      onWait: ({ message }, tries) => {
        if (tries === 1) display.say(`${message}; the batch goes on, and it is tried again.`)
      },
    })
  for (let waitMs = firstWaitMs; ; waitMs = Math.min(maxWaitMs, waitMs * 2)) {
    const batch = await read()
    if (batch.completed_at !== null) return batch
    display.progress(showProgress(batch, display))
    await sleep(waitMs, undefined, { signal })
  }
}

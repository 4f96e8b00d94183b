import type { Worker } from 'bullmq'

type Reason = 'unwanted' | 'refused'

/**
 * Pauses taking from a queue while anything speaks against it, and goes on when nothing does any more. What was taken goes
 * on meanwhile.
 */
export const createPausable = (worker: Pick<Worker, 'pause' | 'resume' | 'isPaused' | 'closing'>) => {
  const reasons = new Set<Reason>()

  return (reason: Reason, isAgainst: boolean) => {
    if (isAgainst) reasons.add(reason)
    else reasons.delete(reason)
    const isPaused = reasons.size > 0
    if (worker.closing || isPaused === worker.isPaused()) return
    // it is awaited only where what was taken is; it never rejects
    if (isPaused) void worker.pause(true)
    else void worker.resume()
  }
}

/** A signal that aborts when the deadline (ms since the epoch, as `now`) passes; never, where there is none. */
export const watchDeadline = (deadline: number | null, now: number) => {
  const controller = new AbortController()
  if (deadline === null) return { signal: controller.signal, clear: () => undefined }
  const remainingMs = deadline - now
  if (remainingMs <= 0) controller.abort()
  // a timer's delay is limited to 2^31 ms; a run never takes that long
  const timer = setTimeout(() => controller.abort(), Math.min(Math.max(0, remainingMs), 2 ** 31 - 1))
  return { signal: controller.signal, clear: () => clearTimeout(timer) }
}

import type { ApiContext } from './api-environment.ts'

/**
 * Counts a file that is on its way in or out, or a stream that stays open, of which so many bytes are in memory at once. Returns what
 * gives that back, which may be called twice. Throws `too_many_open`, or `server_busy` while too much is under way for one more.
 */
export const openTransfer = (
  c: ApiContext,
  bytes: number,
  kind: 'transfers' | 'streams' = 'transfers',
): (() => void) => {
  const underWay = c.get('underWay')
  if (!underWay) return () => undefined
  const close = underWay.open(kind, c.get('owner'))
  try {
    const giveBack = underWay.reserve(bytes)
    return () => {
      giveBack()
      close()
    }
  } catch (err) {
    close()
    throw err
  }
}

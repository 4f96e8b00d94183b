/** What has to be ended when the bench is interrupted: it outlives its starter, or leaves files behind. */
const open = new Set<() => Promise<void>>()

/** Makes a `close` that may be called twice, and is called by `closeAll` where nobody did before. */
export const toClose = (end: () => Promise<void>): (() => Promise<void>) => {
  let ended: Promise<void> | undefined
  const close = () => {
    open.delete(close)
    return (ended ??= end())
  }
  open.add(close)
  return close
}

/** Ends what is open, the last opened first. */
export const closeAll = async () => {
  for (const close of [...open].toReversed()) await close()
}

/** Adds that are unanswered at any time. */
const inFlight = 256

/** Calls `add` with 1, 2, … up to `count`, 256 of them unanswered at any time. */
export const addAll = async (count: number, add: (turn: number) => Promise<unknown>) => {
  let added = 0
  const addNext = async () => {
    while (added < count) {
      added += 1
      await add(added)
    }
  }
  await Promise.all(Array.from({ length: inFlight }, addNext))
}

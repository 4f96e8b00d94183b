/** Runs `count` times, `width` at a time; results in order. */
export const inParallel = async <Result>(
  count: number,
  width: number,
  run: (index: number) => Promise<Result>,
): Promise<Result[]> => {
  const results: Result[] = []
  let next = 0
  const lane = async () => {
    while (next < count) {
      const index = next++
      results[index] = await run(index)
    }
  }
  await Promise.all(Array.from({ length: width }, lane))
  return results
}

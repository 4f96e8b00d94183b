/** Measures how long each part of a storm takes, and tells of it as it begins. */
export const createStopwatch = (onPart: (part: string) => void) => {
  const seconds: Record<string, number> = {}
  const timed = async <Result>(part: string, body: () => Promise<Result>) => {
    onPart(part)
    const startedAt = performance.now()
    const result = await body()
    seconds[part] = Math.round((performance.now() - startedAt) / 100) / 10
    return result
  }
  return { seconds, timed }
}

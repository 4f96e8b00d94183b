/** The known name that a misspelt one was most likely meant to be, or undefined when none is close. */
export const nearestName = (name: string, known: readonly string[]): string | undefined => {
  const [best] = known
    .map((candidate) => ({ candidate, distance: editDistance(name.toLowerCase(), candidate.toLowerCase()) }))
    .sort((a, b) => a.distance - b.distance)
  return best && best.distance <= Math.ceil(name.length / 3) ? best.candidate : undefined
}

/** Levenshtein distance: insertions, deletions and replacements of one character. */
const editDistance = (a: string, b: string) => {
  let previous = Array.from({ length: b.length + 1 }, (_, column) => column)
  for (const [row, character] of a.split('').entries()) {
    const current = [row + 1]
    for (const [column, other] of b.split('').entries()) {
      const replaced = (previous[column] ?? 0) + (character === other ? 0 : 1)
      current.push(Math.min(replaced, (previous[column + 1] ?? 0) + 1, (current[column] ?? 0) + 1))
    }
    previous = current
  }
  return previous.at(-1) ?? 0
}

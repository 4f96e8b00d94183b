/** Names by their distance to `name`, nearest first. */
export const nearestNames = (name: string, names: readonly string[]) =>
  byDistance(name, names).map(({ candidate }) => candidate)

/** The name that a misspelt one was most likely meant to be, whatever its capitals; undefined when none is close. */
export const nearestName = (name: string, names: readonly string[]): string | undefined => {
  const [best] = byDistance(name.toLowerCase(), names, (candidate) => candidate.toLowerCase())
  return best && best.distance <= Math.ceil(name.length / 3) ? best.candidate : undefined
}

const byDistance = (
  name: string,
  names: readonly string[],
  spell: (candidate: string) => string = (candidate) => candidate,
) =>
  names
    .map((candidate) => ({ candidate, distance: editDistance(name, spell(candidate)) }))
    .sort((a, b) => a.distance - b.distance)

/** Levenshtein's: how many letters to insert, delete or replace. */
export const editDistance = (from: string, to: string) => {
  let row = Array.from({ length: to.length + 1 }, (_, index) => index)
  for (let index = 0; index < from.length; index++) {
    const next = [index + 1]
    for (let column = 1; column <= to.length; column++) {
      const replaced = (row[column - 1] ?? 0) + (from[index] === to[column - 1] ? 0 : 1)
      next.push(Math.min(replaced, (row[column] ?? 0) + 1, (next[column - 1] ?? 0) + 1))
    }
    row = next
  }
  return row.at(-1) ?? 0
}

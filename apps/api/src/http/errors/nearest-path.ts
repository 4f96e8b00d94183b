import { editDistance } from '@onqueue/shared'

/**
 * The path of this server that a path was most likely meant to be, out of the patterns of its routes (`/v1/models/:model`);
 * undefined where none is close. Slashes too many, capitals, a part that is missing, too many (a prefix that a proxy was to
 * take off) or misspelt: what the caller wrote for a parameter stays.
 */
export const nearestPath = (path: string, patterns: readonly string[]): string | undefined => {
  const parts = path.split('/').filter((part) => part !== '')
  if (parts.length === 0 || parts.length > maxParts || !parts.every(isPlain)) return undefined
  const [best] = patterns
    .map((pattern) => match(pattern.split('/').slice(1), parts))
    .filter(({ cost, kept }) => cost <= maxCost && kept > 0)
    .sort((a, b) => a.cost - b.cost)
  return best && `/${best.path.join('/')}`
}

const maxParts = 8
/** Of parts of a path; one misspelt counts as the share of its letters that are wrong. */
const maxCost = 1.2
/** More of a part's letters than this, and it is another word. */
const maxWrongShare = 0.4

/** What a model or an id may look like; anything else is not repeated. */
const isPlain = (part: string) => /^[\w.-]{1,100}$/.test(part)

/** `kept` is how many parts of the pattern that are no parameters the path has, or nearly. */
type Match = { cost: number; kept: number; path: string[] }

/** The cheapest way to make a pattern out of a path, part by part. */
const match = (pattern: readonly string[], parts: readonly string[]): Match => {
  const [wanted, ...restOfPattern] = pattern
  const [given, ...restOfParts] = parts
  if (wanted === undefined) return { cost: parts.length, kept: 0, path: [] }
  const ways = [
    ...(given === undefined ? [] : [used(wanted, given, match(restOfPattern, restOfParts))]),
    // a parameter can't be made up
    ...(isParameter(wanted) ? [] : [added(wanted, match(restOfPattern, parts))]),
    ...(given === undefined ? [] : [dropped(match(pattern, restOfParts))]),
  ]
  return ways.reduce((best, way) => (way.cost < best.cost ? way : best), hopeless)
}

const used = (wanted: string, given: string, rest: Match): Match => {
  if (isParameter(wanted)) return { ...rest, path: [given, ...rest.path] }
  const wrong = editDistance(given.toLowerCase(), wanted.toLowerCase()) / wanted.length
  if (wrong > maxWrongShare) return hopeless
  return { cost: rest.cost + wrong, kept: rest.kept + 1, path: [wanted, ...rest.path] }
}

const added = (wanted: string, rest: Match): Match => ({
  ...rest,
  cost: rest.cost + 1,
  path: [wanted, ...rest.path],
})

const dropped = (rest: Match): Match => ({ ...rest, cost: rest.cost + 1 })

const isParameter = (part: string) => part.startsWith(':')

const hopeless: Match = { cost: Infinity, kept: 0, path: [] }

import { floatBoundedBy } from '@onqueue/shared'
import type { ErrorPlace } from '@onqueue/shared'
import type { z } from 'zod'
import { jsonPointer } from './json-pointer.ts'

/** Nobody mends more at once. */
export const maxPlaces = 20

type Issue = z.core.$ZodIssue

/** What zod found, as places: without values, a union as what is wrong with the branch that was meant. */
export const toPlaces = (issues: Issue[], pointer: string): ErrorPlace[] => {
  const places: ErrorPlace[] = []
  for (const issue of issues) {
    if (places.length >= maxPlaces) break
    places.push(...issuePlaces(issue, jsonPointer(pointer, issue.path)))
  }
  return places.slice(0, maxPlaces)
}

const issuePlaces = (issue: Issue, pointer: string): ErrorPlace[] => {
  if (issue.code === 'unrecognized_keys') {
    return issue.keys
      .slice(0, maxPlaces)
      .map((key) => ({ pointer: jsonPointer(pointer, [key]), detail: 'is not a field here' }))
  }
  if (issue.code !== 'invalid_union') return [{ pointer, detail: describe(issue) }]
  const meant = issue.errors.filter((branch) => !branch.some(isOtherType))
  const [branch] = meant.toSorted((a, b) => a.length - b.length)
  if (branch && branch.length > 0) return toPlaces(branch, pointer)
  return [{ pointer, detail: describeTypes(issue.errors) }]
}

/** The value itself, and not something inside of it, is of another type than this branch is for. */
const isOtherType = (issue: Issue) => issue.code === 'invalid_type' && issue.path.length === 0

const describeTypes = (branches: Issue[][]) => {
  const mismatches = branches.flatMap((issues) => issues.filter(isOtherType))
  const [first] = mismatches
  if (!first) return 'fits none of the forms this may take'
  if (isMissing(first)) return 'is missing'
  const expected = new Set(
    mismatches.flatMap((issue) => (issue.code === 'invalid_type' ? [typeName(issue.expected)] : [])),
  )
  return `expected ${[...expected].join(' or ')}${received(first)}`
}

const describe = (issue: Issue): string => {
  if (issue.code === 'invalid_key' && issue.issues[0]) return describe(issue.issues[0])
  if (issue.code === 'invalid_type')
    return isMissing(issue) ? 'is missing' : `expected ${typeName(issue.expected)}${received(issue)}`
  const float =
    issue.code === 'too_big'
      ? floatBoundedBy(issue.maximum)
      : issue.code === 'too_small' && floatBoundedBy(issue.minimum)
  if (float) return `is too large for ${float}`
  return issue.message.replace(/^(Invalid|Too) \w+: /, '')
}

/** An object with free names is one all the same. */
const typeName = (expected: string) => (expected === 'record' ? 'object' : expected)

// zod puts the type of what it got into the message only
const received = (issue: Issue) => /, received .*$/.exec(issue.message)?.[0] ?? ''
const isMissing = (issue: Issue) => issue.message.endsWith('received undefined')

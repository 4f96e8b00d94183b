import { LineCounter, isMap, isNode, isScalar, parseDocument, visit } from 'yaml'
import type { Document } from 'yaml'
import { z } from 'zod'
import { nearestName } from '@onqueue/shared'
import { modelSettingsSchema, tasksOfSetting } from '../tasks/model-settings.ts'
import type { ModelSettings } from '../tasks/model-settings.ts'
import { Refusal } from '../refusal.ts'

type Problem = {
  path: PropertyKey[]
  message: string
  /** the key of a mapping that the problem is with */ key?: string
}

/** Settings of the text of a `model.yaml`; throws a `Refusal` that lists each problem with its line and column. */
export const readModelSettings = (text: string): ModelSettings => {
  const lines = new LineCounter()
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false })
  const locate = (offset: number, problem: string) => {
    const { line, col } = lines.linePos(offset)
    return `model.yaml:${line}:${col}: ${problem}`
  }

  const [syntaxError] = document.errors
  if (syntaxError) throw new Refusal(locate(syntaxError.pos[0], syntaxError.message))
  const half = offsetOfHalf(document)
  if (half !== undefined) {
    throw new Refusal(locate(half, 'has half of a surrogate pair, which is no character: correct the escape'))
  }
  // an empty file, or one of comments only
  const parsed = modelSettingsSchema.safeParse(document.toJS() ?? {})
  if (parsed.success) return parsed.data
  const problems = parsed.error.issues
    .flatMap((issue) => toProblems(issue, []))
    .map((problem) => ({ offset: offsetOf(document, problem), sentence: describe(problem) }))
    .sort((a, b) => a.offset - b.offset)
  throw new Refusal(problems.map(({ offset, sentence }) => locate(offset, sentence)).join('; '))
}

/** Where a text is that an escape such as `"\ud800"` makes no text. */
const offsetOfHalf = (document: Document) => {
  let offset: number | undefined
  visit(document, {
    Scalar: (_, { value, range }) => {
      if (typeof value !== 'string' || value.isWellFormed()) return undefined
      offset = range?.[0] ?? 0
      return visit.BREAK
    },
  })
  return offset
}

/** One problem for each unknown key; for a union those of the alternative that was meant. */
const toProblems = (issue: z.core.$ZodIssue, parent: PropertyKey[]): Problem[] => {
  const path = [...parent, ...issue.path]
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((key) => explainKey(key, path))
  }
  if (issue.code === 'invalid_union') {
    const [meant] = issue.errors
      .filter((issues) => issues.length > 0 && !issues.some((inner) => isWrongType(inner)))
      .toSorted((a, b) => countUnknownKeys(a) - countUnknownKeys(b))
    if (meant) return meant.flatMap((inner) => toProblems(inner, path))
  }
  return [{ path, message: issue.message }]
}

/** The value is of another type than this alternative of a union altogether. */
const isWrongType = (issue: z.core.$ZodIssue) =>
  issue.path.length === 0 && (issue.code === 'invalid_type' || issue.code === 'invalid_value')

/** A task that is not known was most likely meant to be one that knows the other keys. */
const countUnknownKeys = (issues: z.core.$ZodIssue[]) =>
  issues.flatMap((issue) => (issue.code === 'unrecognized_keys' && issue.path.length === 0 ? issue.keys : []))
    .length

/** A key that the mapping at `path` does not have: that of a model of another task, or nobody's. */
const explainKey = (key: string, path: PropertyKey[]): Problem => {
  const tasks = path.length === 0 ? tasksOfSetting(key) : []
  if (tasks.length > 0) {
    const kinds = [...new Set(tasks.map(kindOf))].join(' or ')
    return { path: [key], message: `is for ${kinds} models; add task: ${tasks.join(' or ')}` }
  }
  const known = knownKeys(path)
  const nearest = nearestName(key, known)
  const message = nearest
    ? `is not a setting; did you mean ${nearest}?`
    : `is not a setting; known settings: ${known.join(', ')}`
  return { path, key, message }
}

/** Tasks are named after the models that they are for: `tabular-…`. */
const kindOf = (task: string) => task.split('-')[0]

/** The settings that the mapping at a path may have, by the schema; of the whole file those of every task. */
const knownKeys = (path: PropertyKey[]): string[] => {
  const mappings = path.reduce<unknown[]>(
    (schemas, step) =>
      schemas.flatMap((schema) =>
        alternatives(typeof step === 'number' ? at(schema, 'items') : at(at(schema, 'properties'), step)),
      ),
    alternatives(modelSettingsJsonSchema()),
  )
  const keys = mappings.map((schema) => Object.keys(properties.parse(at(schema, 'properties') ?? {})))
  // the task with the most settings gives the order
  return [...new Set(keys.toSorted((a, b) => b.length - a.length).flat())]
}

const properties = z.record(z.string(), z.unknown())

const at = (value: unknown, key: PropertyKey): unknown =>
  typeof value === 'object' && value !== null ? Reflect.get(value, key) : undefined

const alternatives = (schema: unknown): unknown[] => {
  const several = at(schema, 'oneOf') ?? at(schema, 'anyOf')
  return Array.isArray(several) ? several : [schema]
}

/** The JSON Schema of `model.yaml`, for editors. */
export const modelSettingsJsonSchema = () =>
  z.toJSONSchema(modelSettingsSchema, { io: 'input', target: 'draft-2020-12' })

const describe = ({ path, key, message }: Problem) => {
  const setting = [...path, ...(key === undefined ? [] : [key])].map(String).join('.')
  return setting === '' ? message : `${setting} ${message}`
}

/** Where the value, or the key, stands in the text. A setting that is missing is looked for in what should hold it. */
const offsetOf = (document: Document, { path, key }: Problem): number => {
  const node = document.getIn(path, true)
  if (key !== undefined && isMap(node)) {
    const pair = node.items.find((item) => isScalar(item.key) && String(item.key.value) === key)
    if (isNode(pair?.key)) return pair.key.range?.[0] ?? 0
  }
  if (isNode(node)) return node.range?.[0] ?? 0
  return path.length === 0 ? 0 : offsetOf(document, { path: path.slice(0, -1), message: '' })
}

import { z } from 'zod'

/**
 * Makes a schema give up on a list after `max` of its items were wrong.
 *
 * zod has no such limit: it describes every wrong item, and a body of 10 MB can hold three million of them, which would
 * take seconds and gigabytes. So arrays, records and objects with free names look at no more items once `max` were
 * wrong, and objects of fixed names tell of as many that are not among them (zod would put all of them into a sentence). They
 * are wrong by then, so what is valid stays the same, also inside of unions.
 *
 * This hooks into `_zod.run`, through which every parent calls a child and which zod keeps stable for libraries.
 */
export const boundIssues = <Schema extends z.core.$ZodType>(schema: Schema, max: number): Schema => {
  const visited = new Set<z.core.$ZodType>()
  const counters = new Map<z.core.$ZodType, { wrong: number }>()

  const counterOf = (item: z.core.$ZodType) => {
    const known = counters.get(item)
    if (known) return known
    const counter = { wrong: 0 }
    counters.set(item, counter)
    const run = item._zod.run.bind(item._zod)
    item._zod.run = (payload, context) => {
      if (counter.wrong >= max) return payload
      const result = run(payload, context)
      if (!(result instanceof Promise) && result.issues.length > 0) counter.wrong++
      return result
    }
    return counter
  }
  const bound = (list: z.core.$ZodType, item: z.core.$ZodType) => {
    const counter = counterOf(item)
    const run = list._zod.run.bind(list._zod)
    list._zod.run = (payload, context) => {
      // a list may be inside of an item of the same schema
      const outer = counter.wrong
      counter.wrong = 0
      try {
        return run(payload, context)
      } finally {
        counter.wrong = outer
      }
    }
  }
  const boundNames = (object: z.core.$ZodType) => {
    const run = object._zod.run.bind(object._zod)
    object._zod.run = (payload, context) => {
      const result = run(payload, context)
      if (!(result instanceof Promise))
        for (const issue of result.issues) if (issue.code === 'unrecognized_keys') issue.keys.splice(max)
      return result
    }
  }
  const visit = (node: z.core.$ZodType) => {
    if (visited.has(node)) return
    visited.add(node)
    for (const child of schemasIn(Object.values(node._zod.def))) visit(child)
    if (node instanceof z.ZodObject) boundNames(node)
    const item = itemOf(node)
    if (item) bound(node, item)
  }

  visit(schema)
  return schema
}

/** The schema that applies to any number of items of this one. */
const itemOf = (schema: z.core.$ZodType) => {
  if (schema instanceof z.ZodArray) return schema._zod.def.element
  if (schema instanceof z.ZodRecord) return schema._zod.def.valueType
  if (schema instanceof z.ZodObject) return schema._zod.def.catchall
  return undefined
}

const schemasIn = (value: unknown): z.core.$ZodType[] => {
  if (value instanceof z.core.$ZodType) return [value]
  if (Array.isArray(value)) return value.flatMap(schemasIn)
  const isPlain =
    typeof value === 'object' && value !== null && Object.getPrototypeOf(value) === Object.prototype
  return isPlain ? Object.values(value).flatMap(schemasIn) : []
}

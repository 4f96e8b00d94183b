import { modelKeys, readReply } from '@onqueue/shared'
import type { Message } from './fill-redis.ts'
import { owners } from './record-stack.ts'
import type { Listing } from './redis-listing.ts'

/**
 * What kinds of records there are: a line for each kind of key, member, field and message, such as
 *
 *     :{<model>}:outcome:<prediction> string.error.code "timed_out"
 *     :{<model>}:outcome:<prediction> string.error.rows is not in all
 *
 * Two releases that write the same lines can read each other, as far as names and types go.
 */
export const shapesOf = (
  { keys, messages }: { keys: Listing; messages: Message[] },
  prefix: string,
): string[] => {
  const known = keys[`${prefix}:models`]
  const models = known?.type === 'set' ? known.value : []
  const general = (text: string) => (models.includes(text) ? '<model>' : generalize(text))
  const written = Object.entries(keys).flatMap(([key, entry]) => {
    if (isOfBullMqAlone(key, prefix)) return []
    const kind = `${general(key.slice(prefix.length))} ${entry.type}${entry.ttlMs === undefined ? '' : ' that expires'}`
    return contentsOf(kind, entry, general)
  })
  const published = messages.flatMap(({ channel, message }) => {
    const at = `${general(channel.slice(prefix.length))} message`
    return at.startsWith(':replies:')
      ? repliesIn(message, { at, general })
      : [{ at, is: idsOf(message, general) }]
  })
  const shapes = [...written, ...published]
  return [...new Set([...shapes.map(({ at, is }) => `${at} ${is}`), ...leftOut(shapes)])].sort()
}

/** Something that is found at a place: `fieldOf` is the place of what it is a field of. */
type Shape = { at: string; is: string; fieldOf?: string }

/** Fields that not every object of their kind has. */
const leftOut = (shapes: Shape[]) => {
  const fields = Map.groupBy(
    shapes.filter(({ fieldOf }) => fieldOf !== undefined),
    ({ at }) => at,
  )
  return [...fields].flatMap(([at, found]) => {
    const objects = shapes.filter((shape) => shape.at === found[0]?.fieldOf && shape.is === 'object')
    return found.length < objects.length ? [`${at} is not in all`] : []
  })
}

/** What BullMQ keeps for itself: we neither read nor write it, and whether it is there depends on the moment. */
const isOfBullMqAlone = (key: string, prefix: string) => {
  const [, model = '', part = ''] = /\{(.*)\}:predictions:(.*)$/.exec(key) ?? []
  if (part === '') return false
  const { queue } = modelKeys(prefix, model)
  const isOurs = ['wait', 'active', 'prioritized', 'delayed', 'completed', 'failed'].includes(part)
  return !isOurs && !isPredictionId(part) && key === queue(part)
}

const ulid = '[0-9A-HJKMNP-TV-Z]{26}'
const isPredictionId = (text: string) => new RegExp(`^[a-z0-9._-]+-${ulid}$`).test(text)

const generalize = (text: string) =>
  text
    .replace(/\{[a-z0-9._-]+\}/g, '{<model>}')
    .replace(new RegExp(`\\bwh-test-${ulid}`, 'g'), '<test delivery>')
    .replace(new RegExp(`\\bwh-${ulid}`, 'g'), '<delivery>')
    .replace(new RegExp(`\\b[a-z0-9._-]+-${ulid}`, 'g'), '<prediction>')
    .replace(/\b[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\b/g, '<uuid>')
    .replace(/\b[0-9a-f]{64}\b/g, '<digest>')
    .replace(/\bhttp:\/\/127\.0\.0\.1:\d+/g, '<origin>')
    .replace(new RegExp(`\\b(${owners.join('|')})\\b`, 'g'), '<owner>')
    .replace(/^:replies:[\w-]+/, ':replies:<process>')
    .replace(/^\d+$/, '<number>')

/** A notice names one prediction or several, as it happens. */
const idsOf = (message: string, general: (text: string) => string) =>
  message === '' ? '(empty)' : [...new Set(message.split(',').map(general))].join(',')

const repliesIn = (message: string, { at, general }: { at: string; general: (text: string) => string }) =>
  readReply(message).flatMap(({ id, text }): Shape[] => [
    { at, is: general(id) },
    ...(text === null ? [] : jsonShapes(JSON.parse(text), { at: `${at} outcome` })),
  ])

const contentsOf = (kind: string, entry: Listing[string], general: (text: string) => string): Shape[] => {
  switch (entry.type) {
    case 'string':
      if (kind.includes(':input:')) return [{ at: kind, is: 'anything' }]
      return textShapes(entry.value, { at: kind })
    case 'hash': {
      const fields = Object.entries(entry.value).flatMap(([field, text]) =>
        textShapes(text, { at: `${kind} ${general(field)}`, fieldOf: kind, name: field }),
      )
      return [{ at: kind, is: 'object' }, ...fields]
    }
    case 'list':
    case 'set':
      return entry.value.map((member) => ({ at: kind, is: general(member) }))
    case 'zset':
      return entry.value.map(([member, score]) => ({
        at: kind,
        is: `${general(member)} by ${isTime(score) ? 'time' : 'number'}`,
      }))
    case 'stream':
      return [{ at: kind, is: 'entries' }]
  }
}

type Place = { at: string; fieldOf?: string; name?: string }

const textShapes = (text: string | { json?: unknown }, place: Place): Shape[] => {
  if (typeof text !== 'string') return jsonShapes(text.json, place)
  return jsonShapes(/^\d+(\.\d+)?$/.test(text) ? Number(text) : text, place)
}

/** What comes from models and callers, and may be anything. */
const opaque = new Set(['input', 'output', 'metadata', 'inputSchema', 'outputSchema', 'example'])
/** What is one of a few words, each of which has to be known to whoever reads it. */
const words = new Set(['status', 'priority', 'event', 'events[]', 'payload', 'code', 'object', 'truncated[]'])

const jsonShapes = (value: unknown, { name = '', ...place }: Place): Shape[] => {
  if (opaque.has(name)) return [{ ...place, is: 'anything' }]
  const { at } = place
  if (Array.isArray(value)) {
    const items = value.flatMap((item) => jsonShapes(item, { at: `${at}[]`, name: `${name}[]` }))
    return [{ ...place, is: 'array' }, ...items]
  }
  if (typeof value === 'object' && value !== null) {
    const fields = Object.entries(value).flatMap(([field, item]) =>
      jsonShapes(item, { at: `${at}.${field}`, fieldOf: at, name: field }),
    )
    return [{ ...place, is: 'object' }, ...fields]
  }
  if (typeof value === 'string' && words.has(name)) return [{ ...place, is: `"${value}"` }]
  // nobody's predictions are those of the owner ''
  if (value === '') return [{ ...place, is: 'empty' }]
  return [{ ...place, is: value === null ? 'null' : isTime(value) ? 'time' : typeof value }]
}

/** In ms since the epoch. */
const isTime = (value: unknown) => typeof value === 'number' && value > 1e12 && value < 1e13

import { writeFileSync } from 'node:fs'
import { z } from 'zod'
import { settings as apiSettings } from '../../apps/api/src/config.ts'
import { settings as webhooksSettings } from '../../apps/webhooks/src/config.ts'
import { settings as workerSettings } from '../../apps/worker/src/config.ts'
import { apps } from '../start/apps.ts'
import type { AppFolder } from '../start/apps.ts'

export const envExamplePath = new URL('../../.env.example', import.meta.url)

/**
 * The text of `.env.example`: every setting with its meaning and default, commented out, so that a copy changes nothing
 * (REDIS_URL, for one, would keep `npm start` from bringing its own Redis).
 */
export const makeEnvExample = () => {
  const readers = apps.map(({ name, folder }) => ({ name, settings: describeSettings(schemas[folder]) }))
  const usersOf = (name: string) =>
    readers
      .filter(({ settings }) => settings.some((setting) => setting.name === name))
      .map((reader) => reader.name)
  const groups = [
    // a setting of several apps is described by the first of them
    ...Map.groupBy(
      readers.flatMap((reader) => reader.settings.filter(({ name }) => usersOf(name)[0] === reader.name)),
      ({ name }) => listInWords(usersOf(name)),
    ),
  ]
  return [
    `# Every setting of OnQueue with its default. Copy this file to .env and take the # from what you change.
# Made from the schemas in apps/*/src/config.ts; bring it up to date with:
#   node scripts/bootstrap.mjs run scripts/make/make-env-example.ts`,
    ...groups.map(([users, settings]) => section(users, settings)),
  ].join('\n\n')
}

const schemas: Record<AppFolder, z.ZodObject> = {
  api: apiSettings,
  worker: workerSettings,
  webhooks: webhooksSettings,
}

type Setting = { name: string; description: string; values: string[]; fallback: string }

const propertySchema = z.object({
  description: z.string(),
  default: z.union([z.string(), z.number(), z.boolean()]).optional(),
  enum: z.array(z.string()).default([]),
})

/** Throws where a setting has no description. */
const describeSettings = (settings: z.ZodObject): Setting[] =>
  Object.entries(z.toJSONSchema(settings, { io: 'input', unrepresentable: 'any' }).properties ?? {}).map(
    ([name, property]) => {
      const parsed = propertySchema.safeParse(property)
      if (!parsed.success)
        throw new Error(`${name} needs a description, and a default that is text or a number`)
      const { description, default: fallback = '', enum: values } = parsed.data
      return { name, description, values, fallback: String(fallback) }
    },
  )

/** `API`, `API and webhooks`, `API, worker and webhooks` */
const listInWords = (words: string[]) =>
  new Intl.ListFormat('en-GB', { type: 'conjunction' })
    .format(words)
    .replace(/^./, (first) => first.toUpperCase())

const section = (title: string, settings: Setting[]) =>
  [`# ${title} ${'-'.repeat(Math.max(0, 117 - title.length))}`, ...settings.map(show)].join('\n\n')

const show = ({ name, description, values, fallback }: Setting) =>
  [
    ...wrap(`${description}${values.length === 0 ? '' : ` One of ${values.join(', ')}.`}`),
    `#${name}=${fallback}`,
  ].join('\n')

/** Comment lines of at most 120 characters. */
const wrap = (text: string) =>
  text.split(' ').reduce<string[]>((lines, word) => {
    const last = lines.at(-1)
    if (last === undefined || last.length + word.length + 1 > 120) return [...lines, `# ${word}`]
    return [...lines.slice(0, -1), `${last} ${word}`]
  }, [])

if (import.meta.main) writeFileSync(envExamplePath, `${makeEnvExample()}\n`)

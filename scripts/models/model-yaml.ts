import { z } from 'zod'
import { modelSettingsJsonSchema } from '../../apps/worker/src/repository/read-model-settings.ts'
import { escapeControls } from '../commands/escape-controls.ts'
import type { Proposal, TaskName } from './propose-task.ts'

/** The lines of a `model.yaml` that a proposal asks for; none where the defaults will do. */
export const proposedSettings = ({ task, features, labels }: Proposal): string[] => [
  ...(task === 'tensors' ? [] : [`task: ${task}`]),
  ...(features ? [featuresLine(features)] : []),
  ...(labels && labels.length <= mostLabels ? [`labels: ${toYaml(labels)}`] : []),
]

/** A list longer than this is left in the file, where executors find it. */
const mostLabels = 100

const featuresLine = (features: NonNullable<Proposal['features']>) =>
  `features: ${toYaml(features.map(({ name, input }) => (name === input ? name : { name, input })))}`

/**
 * A `model.yaml` for a new model: what was proposed, and every other setting of its task in a comment, with what it means and
 * its default. These come from the schema of `model.yaml`.
 */
export const modelYaml = (options: {
  proposal: Proposal
  /** relative to the file */
  schemaPath: string
  /** a row that the model took */
  example?: unknown
}): string => {
  const { proposal, schemaPath, example } = options
  const { task, why, columns = ['feature_0', 'feature_1'] } = proposal
  const settings = settingsOf(task)
  const proposed = new Map(proposedSettings(proposal).map((line) => [line.slice(0, line.indexOf(':')), line]))
  const known: Record<string, string[]> = {
    task: [...comment(`Proposed since ${why}.`), proposed.get('task') ?? `task: ${task}`],
    description: ["# description: ''"],
    features: [`# features: ${toYaml(columns)}`],
    labels: ['# labels: [setosa, versicolor, virginica]'],
    example: [`# example: ${shownExample(example)}`],
  }
  const blocks = [...settings].map(([name, setting]) => [
    ...comment(setting.description ?? ''),
    ...(name === 'task' ? [] : [proposed.get(name)].filter((line) => line !== undefined)),
    ...(proposed.has(name) && name !== 'task' ? [] : (known[name] ?? commentedOut(name, setting))),
  ])
  return [
    `# yaml-language-server: $schema=${schemaPath}`,
    '# What is in comments is what counts without it, or an example. docs/models.md says more.',
    ...blocks.flatMap((block) => ['', ...block]),
    '',
  ]
    .map(escapeControls)
    .join('\n')
}

/** In lines of a length to read. */
const comment = (text: string) => text.match(/\S.{0,107}(?=\s|$)/gu)?.map((line) => `# ${line}`) ?? []

const toYaml = (value: unknown): string => {
  if (typeof value === 'string') return isPlain(value) ? value : JSON.stringify(value)
  if (Array.isArray(value)) return `[${value.map(toYaml).join(', ')}]`
  if (typeof value !== 'object' || value === null) return String(value)
  const pairs = Object.entries(value).map(([key, inner]) => `${toYaml(key)}: ${toYaml(inner)}`)
  return pairs.length === 0 ? '{}' : `{ ${pairs.join(', ')} }`
}

/** Nothing that a parser of YAML, old or new, takes for anything but text. */
const isPlain = (text: string) =>
  /^[a-z_][\w-]*$/i.test(text) && !/^(y|n|yes|no|on|off|true|false|null|nan|inf)$/i.test(text)

const shownExample = (example: unknown) => {
  const text = example === undefined || example === null ? '' : toYaml(example)
  return text === '' || text.length > 2000 ? '{ … }' : text
}

type Setting = z.infer<typeof settingSchema>
const settingSchema = z.object({
  description: z.string().optional(),
  default: z.unknown().optional(),
  const: z.unknown().optional(),
  enum: z.array(z.unknown()).optional(),
  properties: z.record(z.string(), z.unknown()).optional(),
})

const taskSchema = z.object({
  properties: z.intersection(
    z.object({ task: z.looseObject({ const: z.string() }) }),
    z.record(z.string(), z.unknown()),
  ),
})

/** The settings that have an effect on a task, in the order of the schema. */
const settingsOf = (task: TaskName): Map<string, Setting> => {
  const { oneOf, anyOf } = z
    .object({ oneOf: z.array(z.unknown()).optional(), anyOf: z.array(z.unknown()).optional() })
    .parse(modelSettingsJsonSchema())
  const all = z.array(taskSchema).parse(oneOf ?? anyOf)
  const own = all.find(({ properties }) => properties.task.const === task)
  const settings = Object.entries(own?.properties ?? {}).map(([name, schema]) => {
    const setting = settingSchema.parse(schema)
    return [name, setting] as const
  })
  return new Map(settings.filter(([, { description = '' }]) => !description.startsWith('Has no effect')))
}

/** Of a mapping, those of its settings that have a default or one value only. */
const commentedOut = (name: string, setting: Setting): string[] => {
  if (!setting.properties) return [`# ${name}: ${toYaml(valueOf(setting) ?? null)}`]
  const inner = Object.entries(setting.properties)
    .map(([key, schema]) => ({ key, setting: settingSchema.parse(schema) }))
    .filter((one) => valueOf(one.setting) !== undefined)
  return [
    `# ${name}:`,
    ...inner.map(
      (one) => `#   ${one.key}: ${toYaml(valueOf(one.setting))} # ${one.setting.description ?? ''}`,
    ),
  ]
}

const valueOf = (setting: Setting) => setting.default ?? setting.const ?? setting.enum?.[0]

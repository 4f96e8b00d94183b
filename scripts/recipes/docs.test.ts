import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { z } from 'zod'
import { recipes, recipesFolder } from './recipes.ts'
import { refusalSentences } from './refusal-sentences.ts'

const root = join(import.meta.dirname, '../..')
const read = (path: string) => readFileSync(join(root, path), 'utf8')

const scripts = recipes.map(({ name }) => ({
  name,
  text: readFileSync(join(recipesFolder, name, 'make.py'), 'utf8'),
}))
const blocks = [...read('docs/models.md').matchAll(/^```python\n(.*?)^```$/gms)].map(
  ([, block = '']) => block,
)

test.each(blocks)('a recipe runs what docs/models.md says: %s', (block) => {
  expect(scripts.filter(({ text }) => text.includes(`\n${block}`)).map(({ name }) => name)).toHaveLength(1)
})

test.each(scripts)('what $name runs is in docs/models.md', ({ text }) => {
  expect(blocks.filter((block) => text.includes(block))).toHaveLength(1)
})

test('every setting of model.yaml is in docs/models.md', () => {
  const rows = new Set(read('docs/models.md').match(/(?<=^\| `)[a-z_.]+(?=`)/gm))

  expect(settingsOf(JSON.parse(read('models/model.schema.json'))).filter((name) => !rows.has(name))).toEqual(
    [],
  )
})

type Schema = { properties?: Record<string, Schema> | undefined; [key: string]: unknown }
const schemaSchema: z.ZodType<Schema> = z.lazy(() =>
  z.looseObject({ properties: z.record(z.string(), schemaSchema).optional() }),
)

/** `batching`, `batching.max_rows`, … of all tasks. */
const settingsOf = (schema: unknown): string[] => {
  const { oneOf } = z.object({ oneOf: z.array(schemaSchema) }).parse(schema)
  const namesIn = ({ properties = {} }: Schema): string[] =>
    Object.entries(properties).flatMap(([name, inner]) => [
      name,
      ...namesIn(inner).map((one) => `${name}.${one}`),
    ])
  return [...new Set(oneOf.flatMap(namesIn))]
}

test('every sentence that a model is refused with is in docs/refusals.md, and no other', () => {
  const told = read('docs/refusals.md').match(/(?<=^\| `)[^`]+(?=` \|)/gm) ?? []

  expect(told.toSorted()).toEqual(refusalSentences())
  expect(told.length).toBeGreaterThan(60)
})

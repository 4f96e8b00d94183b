import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { z } from 'zod'
import { checkGolden } from './check-golden.ts'
import { recipes, recipesFolder } from './recipes.ts'

const goldenSchema = z.looseObject({
  cases: z.array(z.object({ input: z.unknown(), output: z.object({ probabilities: z.array(z.number()) }) })),
})
const kept = join(recipesFolder, 'golden')

test.each(recipes.filter(({ isKept }) => isKept))(
  'the model that $name exported answers as the library that made it, its rows in one run',
  async ({ name }) => {
    const { rows, alone, differences } = await checkGolden(kept, name)

    expect(differences).toEqual([])
    expect(alone).toBe(null)
    expect(rows).toBeGreaterThan(7)
  },
)

test('an answer that is off by more than float32 is told with its place', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'onqueue-golden-'))
  onTestFinished(() => rm(folder, { recursive: true }))
  await cp(join(kept, 'pytorch'), join(folder, 'pytorch'), { recursive: true })
  const golden = join(folder, 'pytorch/golden.json')
  const { cases, ...rest } = goldenSchema.parse(JSON.parse(await readFile(golden, 'utf8')))
  const off = cases.map(({ input, output: { probabilities } }, index) => ({
    input,
    output: { probabilities: probabilities.map((one) => (index === 3 ? one * 1.001 : one)) },
  }))
  await writeFile(golden, JSON.stringify({ ...rest, cases: off }))

  const { differences } = await checkGolden(folder, 'pytorch')

  expect(differences).toEqual(
    [0, 1, 2].map((column) =>
      expect.stringMatching(new RegExp(`^/3/probabilities/${column}: 0\\.\\d+ instead of 0\\.\\d+$`)),
    ),
  )
})

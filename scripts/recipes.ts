import { cp, mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { checkGolden } from './recipes/check-golden.ts'
import { NoVenv } from './recipes/ensure-venv.ts'
import { madeFolder, makeRecipe } from './recipes/make-recipe.ts'
import { recipes, recipesFolder } from './recipes/recipes.ts'
import type { Recipe } from './recipes/recipes.ts'

const usage = `Usage:
  npm run recipes                  runs every recipe of recipes/ and compares the answers in an executor with the library's
  npm run recipes -- NAME …        these alone: ${recipes.map(({ name }) => name).join(', ')}
  npm run recipes -- --if-possible passes where there is no Python, or no package registry can be reached, as CI does
  npm run recipes -- --keep        keeps in recipes/golden/ what is kept there`

const main = async () => {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { 'if-possible': { type: 'boolean' }, keep: { type: 'boolean' } },
  })
  const unknown = positionals.filter((name) => !recipes.some((recipe) => recipe.name === name))
  if (unknown.length > 0) {
    console.error(usage)
    return 1
  }
  const chosen = recipes.filter(({ name }) => positionals.length === 0 || positionals.includes(name))
  let failures = 0
  for (const recipe of chosen) {
    try {
      if (!(await runRecipe(recipe, { keep: values.keep ?? false }))) failures += 1
    } catch (err) {
      if (err instanceof NoVenv && values['if-possible']) {
        console.log(`recipes: skipped ${recipe.name}: ${err.message}`)
        continue
      }
      failures += 1
      console.error(`recipes: ${recipe.name} failed:`, err)
    }
  }
  return failures === 0 ? 0 : 1
}

/** Whether the answers are the library's. */
const runRecipe = async (recipe: Recipe, { keep }: { keep: boolean }) => {
  const startedAt = performance.now()
  await makeRecipe(recipe)
  const { rows, versions, alone, differences } = await checkGolden(madeFolder, recipe.name)
  const seconds = ((performance.now() - startedAt) / 1000).toFixed(1)
  const packages = Object.entries(versions).map((one) => one.join(' '))
  const verdict = differences.length === 0 ? `${rows} rows as they should be` : 'differs'
  console.log(
    `recipes: ${recipe.name}: ${verdict}, ${alone ?? 'rows share runs'}, ${seconds} s (${packages.join(', ')})`,
  )
  for (const difference of differences.slice(0, 10)) console.error(`  ${difference}`)
  if (differences.length > 0) return false
  if (keep && recipe.isKept) await keepGolden(recipe.name)
  return true
}

const keepGolden = async (name: string) => {
  const kept = join(recipesFolder, 'golden', name)
  await mkdir(kept, { recursive: true })
  for (const file of ['model.onnx', 'golden.json']) await cp(join(madeFolder, name, file), join(kept, file))
}

process.exitCode = await main()

import { readdirSync } from 'node:fs'
import { join } from 'node:path'

export const recipesFolder = join(import.meta.dirname, '../../recipes')

/** What made the golden files that are kept: these need more than a gigabyte of packages. */
const torch = ['pytorch', 'hugging-face']

export type Recipe = {
  /** its folder in `recipes/` */
  name: string
  /** the file in `recipes/` with its packages; recipes of the same have a venv together */
  requirements: string
  /** whether `recipes/golden/` has what it made */
  isKept: boolean
}

export const recipes: readonly Recipe[] = readdirSync(recipesFolder, { withFileTypes: true })
  .filter((entry) => entry.isDirectory() && !['support', 'golden'].includes(entry.name))
  .map(({ name }) =>
    torch.includes(name)
      ? { name, requirements: 'requirements-torch.txt', isKept: true }
      : { name, requirements: 'requirements-trees.txt', isKept: false },
  )

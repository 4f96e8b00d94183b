import type { StackProcess } from './stack.ts'

/** A process's metric now: the sum of the samples that have these labels; 0 when there is none. */
export const readMetric = async (
  { url }: StackProcess,
  name: string,
  labels: Record<string, string> = {},
) => {
  const response = await fetch(`${url}/metrics`)
  const text = await response.text()
  const wanted = Object.entries(labels).map(([label, value]) => `${label}="${value}"`)
  return text
    .split('\n')
    .filter((line) => line.startsWith(`${name}{`) || line.startsWith(`${name} `))
    .filter((line) => wanted.every((label) => line.includes(label)))
    .reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' '))), 0)
}

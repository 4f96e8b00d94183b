import { Refusal } from '../../refusal.ts'
import { showShape } from '../../tensors/tensor.ts'
import type { OutputInfo } from '../../tensors/tensor.ts'

/**
 * The output that `model.yaml` names, or else the only one that could be meant, or else the only one of those whose
 * name suggests it. Undefined when none could be meant.
 */
export const chooseOutput = (options: {
  setting: 'label' | 'scores' | 'value'
  wanted: string | undefined
  outputs: OutputInfo[]
  couldBe: (output: OutputInfo) => boolean
  /** the first pattern that exactly one candidate matches decides */
  suggestive: RegExp[]
}): OutputInfo | undefined => {
  const { setting, wanted, outputs, couldBe, suggestive } = options
  const names = (some: OutputInfo[]) => some.map((output) => output.name).join(', ')
  if (wanted !== undefined) {
    const found = outputs.find((output) => output.name === wanted)
    if (!found) {
      throw new Refusal(`output.${setting}: there is no output ${wanted}; outputs: ${names(outputs)}`)
    }
    if (!couldBe(found)) {
      throw new Refusal(
        `output.${setting}: ${wanted} is ${found.type} ${showShape(found.shape)}, which can't be it`,
      )
    }
    return found
  }
  const candidates = outputs.filter(couldBe)
  if (candidates.length <= 1) return candidates[0]
  for (const pattern of suggestive) {
    const matching = candidates.filter((output) => pattern.test(output.name))
    if (matching.length === 1) return matching[0]
  }
  throw new Refusal(
    `can't tell which output has the ${setting}: ${names(candidates)}; say it in model.yaml, e.g. output: { ${setting}: ${candidates[0]?.name} }`,
  )
}

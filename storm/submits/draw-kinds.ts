import { seededRandom } from '../../tests/support/random.ts'
import type { SubmitKind } from './submit-kind.ts'

/** Which kind each prediction is of: each kind once, as far as there is room, then by their weights. */
export const drawKinds = (
  kinds: readonly SubmitKind[],
  { seed, predictions }: { seed: number; predictions: number },
): SubmitKind[] => {
  const random = seededRandom(seed)
  const total = kinds.reduce((sum, { weight }) => sum + weight, 0)
  const draw = () => {
    let left = random() * total
    return kinds.find(({ weight }) => (left -= weight) < 0) ?? kinds.slice(0, 1)
  }
  return [...kinds, ...Array.from({ length: predictions }, draw).flat()].slice(0, predictions)
}

import type { ModelEntry } from '@onqueue/shared'
import type { AdmittedWeight, Admission } from './admission.ts'

/** One of the predictions of a request that are let in together. */
export type OneOfMany = {
  /** As that of `Admission`; settles when it is known of each of the others what it takes. */
  admit: Admission['admit']
  /** It takes nothing, or nothing more. */
  settle: () => void
}

/**
 * One admission for as many predictions as there are in a request; what is returned makes one of them. Each asks or settles; when the
 * last one has, all that asked are let in, or refused. One that asks once more, as another took its idempotency key and gave it up, is by
 * itself then. `refuse` tells what could never be let in.
 */
export const admitTogether = (
  { admit }: Pick<Admission, 'admit'>,
  { count, refuse }: { count: number; refuse: (rows: number) => Error | undefined },
): (() => OneOfMany) => {
  const asked: AdmittedWeight[] = []
  let open = count
  let entry: ModelEntry | undefined
  const { promise, resolve, reject } = Promise.withResolvers<void>()

  const decide = async () => {
    if (!entry) return
    const sum = (weigh: (weight: AdmittedWeight) => number) =>
      asked.reduce((total, weight) => total + weigh(weight), 0)
    const rows = sum((weight) => weight.rows)
    const refusal = refuse(rows)
    if (refusal) throw refusal
    await admit(entry, { rows, inputBytes: sum((weight) => weight.inputBytes), predictions: asked.length })
  }

  return () => {
    let isOpen = true
    const settle = () => {
      if (!isOpen) return
      isOpen = false
      open -= 1
      if (open === 0) decide().then(resolve, reject)
    }
    return {
      admit: (of, weight) => {
        if (!isOpen) return admit(of, weight)
        entry = of
        asked.push(weight)
        settle()
        return promise
      },
      settle,
    }
  }
}

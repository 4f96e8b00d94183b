// Bare Node >= 20.19: the bootstrap uses it before anything is installed.

/** What keeps OnQueue from starting, in a sentence for the user that says what to type; shown without a stack. */
export class SetupError extends Error {
  /** for bootstrap.mjs, which imports nothing before it has checked which Node it runs on */
  isForUser = true
}

/** @param {unknown} err */
export const messageOf = (err) => (err instanceof Error ? err.message : String(err))

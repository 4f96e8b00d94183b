/** What keeps OnQueue from starting, in a sentence for the user that says what to type; shown without a stack. */
export class SetupError extends Error {
  readonly isForUser = true
}

export const messageOf = (err: unknown): string => (err instanceof Error ? err.message : String(err))

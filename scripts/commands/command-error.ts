/** Why a command was not done, in a sentence that says what to do. No stack is shown of it. */
export class CommandError extends Error {
  override readonly name = 'CommandError'
  readonly exitCode: number

  /** 1 is for what was found bad or ended badly, 2 for a command that can't be done as it was typed. */
  constructor(message: string, { exitCode = 2, ...options }: ErrorOptions & { exitCode?: 1 | 2 } = {}) {
    super(message, options)
    this.exitCode = exitCode
  }
}

/** The reason that the system gives for what it did not do: `ENOENT` and its like. Undefined for any other error. */
export const systemCodeOf = (err: unknown) =>
  err instanceof Error && 'code' in err && 'syscall' in err ? String(err.code) : undefined

import { AppError } from '../contract/app-error.ts'

/** Whether it says that there is nothing of a name. */
export const isMissing = (err: unknown) => codeOf(err) === 'ENOENT' || codeOf(err) === 'ENOTDIR'

const codeOf = (err: unknown) => (err instanceof Error && 'code' in err ? err.code : undefined)

/** Does something on the disk, and says what went wrong in a sentence that a caller may read. */
export const onDisk = async <Result>(act: () => Promise<Result>): Promise<Result> => {
  try {
    return await act()
  } catch (err) {
    throw codeOf(err) === 'ENOSPC' || codeOf(err) === 'EDQUOT' ? storageFull(err) : unavailable(err)
  }
}

/** There is no room, or will be too little. */
export const storageFull = (cause?: unknown) =>
  new AppError(
    'storage_full',
    'there is no room for this in the storage of the server; delete files of yours that are of no use any more, or try again later',
    { retryAfterSeconds: 60, cause },
  )

/** It can't be used at the moment; `cause` is for the log. What is said to callers already stays. */
export const unavailable = (cause: unknown) =>
  cause instanceof AppError
    ? cause
    : new AppError(
        'storage_unavailable',
        "the storage of the server can't be used at the moment; try again, and if it lasts tell the operator, whose log says why",
        { retryAfterSeconds: 5, cause },
      )

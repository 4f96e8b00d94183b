import { messageOf, SetupError } from '../bootstrap/setup-error.mjs'

/**
 * What the system said of a file, as a sentence with the setting to change: it is nearly always a data folder of another
 * user, on a disk that is full, or no folder at all. Any other error stays what it is.
 */
export const explainDataFolder = (err: unknown, dataDir: string): unknown =>
  isFileError(err, dataDir)
    ? new SetupError(
        `the data folder ${dataDir} can't be used (${messageOf(err)}): make it a folder that you may write to, or set ` +
          'ONQUEUE_DATA_DIR to another one.',
      )
    : err

/** Of a system call on a path in there, or on what it is in; a read does not say of which. */
const isFileError = (err: unknown, dataDir: string) => {
  if (!(err instanceof Error && 'code' in err && 'syscall' in err)) return false
  const path = 'path' in err ? err.path : undefined
  if (typeof path !== 'string') return err.syscall === 'read'
  return path.startsWith(dataDir) || dataDir.startsWith(path)
}

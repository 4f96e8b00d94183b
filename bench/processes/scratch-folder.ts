import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { toClose } from './closing.ts'

/** A new folder that is removed when it is closed. */
export const openScratchFolder = async () => {
  const path = await mkdtemp(join(tmpdir(), 'onqueue-bench-'))
  return { path, close: toClose(() => rm(path, { recursive: true, force: true })) }
}

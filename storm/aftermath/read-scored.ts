import { createHash } from 'node:crypto'
import { open } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'

/** A file that came of a batch, as it was read. */
export type ScoredFile = { bytes: number; sha256: string }

const tries = 20
const restMs = 500
const timeoutMs = 120_000

/** Reads what came of a batch, its `output` or its `errors`, into a file where one is given. */
export const readScored = async (
  url: string,
  { id, what, path }: { id: string; what: 'output' | 'errors'; path?: string },
): Promise<ScoredFile> => {
  let last: unknown
  for (let left = tries; left > 0; left -= 1) {
    try {
      return await readOnce(`${url}/v1/batches/${id}/${what}`, path)
    } catch (err) {
      last = err
      await sleep(restMs)
    }
  }
  throw new Error(`the ${what} of the batch can't be read when the storm is over`, { cause: last })
}

const readOnce = async (url: string, path: string | undefined): Promise<ScoredFile> => {
  const { status, body } = await fetch(url, { signal: AbortSignal.timeout(timeoutMs) })
  if (status !== 200 || !body) throw new Error(`it was answered with ${status}`)
  const hash = createHash('sha256')
  const file = path === undefined ? undefined : await open(path, 'w')
  let bytes = 0
  try {
    for await (const piece of body) {
      hash.update(piece)
      bytes += piece.length
      await file?.writeFile(piece)
    }
  } finally {
    await file?.close()
  }
  return { bytes, sha256: hash.digest('hex') }
}

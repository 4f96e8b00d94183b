import type { Storage } from '@onqueue/shared/storage'
import type { Probe } from '../probe.ts'
import type { BatchFile } from './batch-file.ts'
import type { FileRows } from './file-rows.ts'
import { Part } from './part.ts'
import type { Chunk } from './plan-chunks.ts'
import { scoreChunk } from './score-chunk.ts'
import type { ChunkScore, ScoreOptions } from './score-chunk.ts'

/** A chunk, and where in the storage what comes of it is put. */
export type ChunkWork = { file: BatchFile; chunk: Chunk; outputName: string; errorsName: string }

type Options = ChunkWork &
  Pick<ScoreOptions, 'careful' | 'convicted' | 'stop'> & {
    storage: Storage
    probe: Probe
    rows: FileRows
    microBatchRows: number
    /** rows begin to run */
    onAt: (row: number, rows: number) => void
    /** those of a micro-batch have run, and are to be written */
    onRan: () => void
  }

/**
 * Scores a chunk of a file in the storage into its parts, of which the one of errors is only there where rows failed. Nothing
 * is there before all of it is: what is stopped, or rejects, leaves nothing.
 */
export const scoreToStorage = async (options: Options): Promise<ChunkScore> => {
  const { storage, chunk, rows } = options
  const { source, close } = await rows.reader.open(chunk)
  const output = new Part(storage, options.outputName)
  let errors: Part | undefined
  try {
    const score = await scoreChunk({
      probe: options.probe,
      writer: rows.writer,
      chunk,
      source,
      microBatchRows: options.microBatchRows,
      careful: options.careful,
      convicted: options.convicted,
      stop: options.stop,
      at: options.onAt,
      ran: options.onRan,
      output: (piece) => output.write(piece),
      errors: (piece) => {
        errors ??= new Part(storage, options.errorsName)
        return errors.write(piece)
      },
    })
    if (score.isStopped) await Promise.all([output.drop(), errors?.drop()])
    else await Promise.all([output.end(), errors?.end()])
    return score
  } catch (err) {
    await Promise.all([output.drop(), errors?.drop()])
    throw err
  } finally {
    close()
  }
}

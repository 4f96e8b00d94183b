import type { Logger } from '@onqueue/shared'
import type { ChunkScore } from '../executor/batch/score-chunk.ts'
import type { ScoreRequest } from './batch-executors.ts'
import type { ExecutorPlace } from './executor-place.ts'
import type { Floor } from './floor.ts'
import { Suspicion } from './suspicion.ts'

/** Scores a chunk in a place: where its executor ends in the middle of it the next one does it again, without the rows that are guilty. */
export const scoreInPlace = async (
  place: ExecutorPlace,
  { file, chunk, outputName, errorsName, ...request }: ScoreRequest & { floor: Floor; log: Logger },
): Promise<ChunkScore> => {
  const { definition, onConvicted, signal, floor, log } = request
  const suspicion = new Suspicion(request.convicted)
  const named = { model: definition.name, version: definition.version, firstRow: chunk.firstRow }
  for (;;) {
    const executor = await place.open(signal)
    const { careful, convicted } = suspicion
    const end = await executor.score({ file, chunk, outputName, errorsName, careful, convicted }, signal)
    if (end.type === 'scored') {
      if (suspicion.acquit()) continue
      return end.score
    }
    if (end.type === 'starved') {
      floor.starved()
      log.info(named, 'batch executor got no share of the cores, and is started again at nice 10')
      continue
    }
    place.pace.executorDied()
    const conviction = suspicion.executorDied(end.death)
    if (conviction) place.pace.explainDeaths(conviction.deaths)
    log.warn(
      { ...named, rows: end.death.rows, restartInMs: place.pace.delayMs, err: end.died },
      'batch executor died in a chunk',
    )
    if (suspicion.isHopeless) throw end.died
    if (!conviction) continue
    await onConvicted(conviction.row, conviction.code)
  }
}

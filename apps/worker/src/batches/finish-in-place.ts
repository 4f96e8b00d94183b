import type { Logger } from '@onqueue/shared'
import type { FinishRequest } from './batch-executors.ts'
import type { ExecutorPlace } from './executor-place.ts'
import type { Floor } from './floor.ts'

const mostDeaths = 3

/** Finishes an output in a place: where its executor ends the next one begins anew. */
export const finishInPlace = async (
  place: ExecutorPlace,
  { file, parts, headerName, footerName, ...request }: FinishRequest & { floor: Floor; log: Logger },
): Promise<number> => {
  const { definition, signal, floor, log } = request
  for (let deaths = 0; ;) {
    const executor = await place.open(signal)
    const end = await executor.finish({ file, parts, headerName, footerName }, signal)
    if (end.type === 'finished') return end.footerBytes
    if (end.type === 'starved') {
      floor.starved()
      continue
    }
    place.pace.executorDied()
    deaths += 1
    const { name: model, version } = definition
    log.warn({ model, version, err: end.died }, 'batch executor died finishing an output')
    if (deaths >= mostDeaths) throw end.died
  }
}

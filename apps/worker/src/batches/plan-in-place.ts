import type { Logger } from '@onqueue/shared'
import type { PlanRequest } from './batch-executors.ts'
import type { ExecutorPlace } from './executor-place.ts'
import type { Floor } from './floor.ts'

/** So many deaths without a step in between are not by chance. */
const mostDeaths = 3

/** Plans a file in a place: where its executor ends the next one goes on with what was not taken. */
export const planInPlace = async (
  place: ExecutorPlace,
  { file, headerName, ...request }: PlanRequest & { floor: Floor; log: Logger },
): Promise<void> => {
  const { definition, onPlanned, signal, floor, log } = request
  let { cursor, rowMs } = request
  let isWanted = true
  let deaths = 0
  for (;;) {
    const executor = await place.open(signal)
    const end = await executor.plan(
      { file, cursor, headerName, rowMs },
      async (step) => {
        isWanted = await onPlanned(step)
        ;({ cursor, rowMs } = step)
        deaths = 0
        return isWanted
      },
      signal,
    )
    if (end.type === 'planned' || !isWanted) return
    if (end.type === 'starved') {
      floor.starved()
      continue
    }
    place.pace.executorDied()
    deaths += 1
    log.warn(
      { model: definition.name, version: definition.version, err: end.died },
      'batch executor died planning',
    )
    if (deaths >= mostDeaths) throw end.died
  }
}

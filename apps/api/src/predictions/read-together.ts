import { readPredictionRecords } from '@onqueue/shared'
import type { PredictionRecord, RedisStore } from '@onqueue/shared'

/** Reads a prediction of a model; null where there is none. */
export type ReadRecord = (model: string, id: string) => Promise<PredictionRecord | null>

/** Of a few that are long, each with input and output, so much comes at once: 4 MB. */
const maxTogether = 32

type Turn = { ids: string[]; records: ReturnType<typeof readPredictionRecords> }

/**
 * Reads predictions, those of a model that are asked for in one turn of the event loop together: a command costs a process
 * more than what it brings, and under load a turn has dozens of polls.
 */
export const createReadTogether = (store: RedisStore): ReadRecord => {
  const turns = new Map<string, Turn>()

  const openTurn = (model: string) => {
    const ids: string[] = []
    const records = new Promise<void>((resolve) => setImmediate(resolve)).then(() => {
      if (turns.get(model)?.ids === ids) turns.delete(model)
      return readPredictionRecords(store, model, ids)
    })
    const turn = { ids, records }
    turns.set(model, turn)
    return turn
  }

  return async (model, id) => {
    const turn = turns.get(model) ?? openTurn(model)
    const index = turn.ids.push(id) - 1
    if (turn.ids.length === maxTogether) turns.delete(model)
    const records = await turn.records
    return records[index]?.() ?? null
  }
}

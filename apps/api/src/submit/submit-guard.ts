import { modelKeys } from '@onqueue/shared'
import type { RedisClock, RedisStore } from '@onqueue/shared'
import { guardSubmits } from './guard-submits.ts'

/** Less than the silence after which a producer gives up: what Redis runs later than this was given up on. */
export const maxLatenessMs = 900

export type GuardedSubmit = {
  id: string
  model: string
  owner: string
  createdAt: number
  deadline: number | null
  /** rows of the prediction */
  rows: number
  /** its input is kept beside the job, for now with a time to live */
  hasLargeInput: boolean
  /** whoever retries the submit finds it, so it may come late */
  isKeyed: boolean
  /** others of its turn of the event loop are here already: there is none to wait for */
  isTurnOver?: boolean
}

/**
 * The script that runs right before jobs are added, on the same connection; one for all predictions that are submitted
 * to a model in one turn of the event loop.
 *
 * It lists each prediction for its owner and counts its rows, and it judges whether the submit comes too late. A Redis
 * that hung runs what reached its socket when it wakes up, long after the caller was told that the queue is
 * unavailable. A submit that runs later than that therefore gets its outcome, `canceled`, before its job exists, so that
 * the job is never run. Running twice for one id counts its rows once.
 */
export type SubmitGuard = {
  /**
   * Resolves when the script has been sent, so that a job added then comes after it. `isLate` settles when it has run:
   * to whether this prediction was canceled; it never rejects. (An object, since a promise of a promise is one promise.)
   */
  send(submit: GuardedSubmit): Promise<{ isLate: Promise<PromiseSettledResult<boolean>> }>
}

type Turn = { submits: GuardedSubmit[]; sent: ReturnType<SubmitGuard['send']> }

export const createSubmitGuard = ({
  redis,
  namespace,
  redisClock,
}: RedisStore & { redisClock: Pick<RedisClock, 'earliest'> }): SubmitGuard => {
  const guard = guardSubmits.on(redis)
  const turns = new Map<string, Turn>()

  const run = async (model: string, submits: GuardedSubmit[]) => {
    const { deadlines, extraRows, outcome, index, input } = modelKeys(namespace, model)
    const reply = await guard.run({
      keys: { deadlines, extraRows },
      args: { latestAt: redisClock.earliest() + maxLatenessMs },
      moreKeys: submits.flatMap(({ id, owner, hasLargeInput }) => [
        outcome(id),
        index(owner),
        hasLargeInput ? input(id) : '',
      ]),
      moreArgs: submits.flatMap(({ id, createdAt, deadline, rows, isKeyed }) => [
        id,
        createdAt,
        deadline ?? '',
        rows - 1,
        isKeyed ? 'keyed' : '',
      ]),
    })
    return reply === 'late'
  }

  const openTurn = ({ model, isTurnOver = false }: GuardedSubmit) => {
    const submits: GuardedSubmit[] = []
    const sent = new Promise<Awaited<Turn['sent']>>((resolve) => {
      const close = () => {
        turns.delete(model)
        resolve({ isLate: settled(run(model, submits)) })
      }
      if (isTurnOver) process.nextTick(close)
      else setImmediate(close)
    })
    const turn = { submits, sent }
    turns.set(model, turn)
    return turn
  }

  return {
    send: (submit) => {
      const turn = turns.get(submit.model) ?? openTurn(submit)
      turn.submits.push(submit)
      return turn.sent
    },
  }
}

const settled = async <Value>(promise: Promise<Value>): Promise<PromiseSettledResult<Value>> => {
  const [result] = await Promise.allSettled([promise])
  return result
}

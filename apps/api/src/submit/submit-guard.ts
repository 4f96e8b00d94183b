import { endedOutcome, modelKeys } from '@onqueue/shared'
import type { Redis } from 'ioredis'
import type { RedisClock } from '../redis/redis-clock.ts'

const lateOutcome = JSON.stringify(
  endedOutcome('canceled', {
    code: 'canceled',
    detail: 'the queue took it too late: its caller had been refused',
    now: 0,
  }),
)

/** Far longer than any prediction waits: the sweeper removes this outcome together with its job. */
const lateOutcomeTtlMs = 7 * 24 * 3_600_000
/** Less than the silence after which a producer gives up: what Redis runs later than this was given up on. */
const latenessLimitMs = 900

type GuardedSubmit = {
  id: string
  model: string
  owner: string
  createdAt: number
  deadline: number | null
  /** rows of the prediction */
  rows: number
  /** its input is kept beside the job, for now with a time to live */
  isLoose: boolean
  /** whoever retries the submit finds it, so it may come late */
  isKeyed: boolean
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
   * Resolves when the script has been sent, so that a job added then comes after it. `isLate` resolves when it has run:
   * to whether this prediction was canceled. (An object, since a promise of a promise is one promise.)
   */
  send(submit: GuardedSubmit): Promise<{ isLate: Promise<boolean> }>
}

type Turn = { submits: GuardedSubmit[]; sent: Promise<{ isLate: Promise<boolean> }> }

export const createSubmitGuard = ({
  redis,
  namespace,
  clock,
}: {
  redis: Redis
  namespace: string
  clock: Pick<RedisClock, 'now'>
}): SubmitGuard => {
  redis.defineCommand('guardSubmits', { lua: submitGuardScript })
  const turns = new Map<string, Turn>()

  const run = async (model: string, submits: GuardedSubmit[]) => {
    const modelKeyNames = modelKeys(namespace, model)
    const keys = [modelKeyNames.deadlines, modelKeyNames.extraRows]
    const args: (string | number)[] = [Math.floor(clock.now()) + latenessLimitMs]
    for (const { id, owner, createdAt, deadline, rows, isLoose, isKeyed } of submits) {
      keys.push(modelKeyNames.outcome(id), modelKeyNames.index(owner), isLoose ? modelKeyNames.input(id) : '')
      args.push(id, createdAt, deadline ?? '', rows - 1, isKeyed ? 'keyed' : '')
    }
    return (await redis.guardSubmits(keys.length, ...keys, ...args)) === 'late'
  }

  const openTurn = (model: string) => {
    const submits: GuardedSubmit[] = []
    const sent = new Promise<{ isLate: Promise<boolean> }>((resolve) => {
      setImmediate(() => {
        turns.delete(model)
        resolve({ isLate: run(model, submits) })
      })
    })
    const turn = { submits, sent }
    turns.set(model, turn)
    return turn
  }

  return {
    send: (submit) => {
      const turn = turns.get(submit.model) ?? openTurn(submit.model)
      turn.submits.push(submit)
      return turn.sent
    },
  }
}

const submitGuardScript = `
local deadlines, extraRows = KEYS[1], KEYS[2]
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local isLate = now > tonumber(ARGV[1])

for i = 0, (#KEYS - 2) / 3 - 1 do
  local outcome, index, input = unpack(KEYS, 3 + 3 * i, 5 + 3 * i)
  local id, createdAt, deadline, rowsBeyondOne, keyed = unpack(ARGV, 2 + 5 * i, 6 + 5 * i)
  if isLate and keyed == '' then
    local text = string.gsub([[${lateOutcome}]], '"completedAt":0', string.format('"completedAt":%.0f', now))
    redis.call('SET', outcome, text, 'NX', 'PX', ${lateOutcomeTtlMs})
  else
    if redis.call('ZADD', index, createdAt, id) == 1 and rowsBeyondOne ~= '0' then
      redis.call('INCRBY', extraRows, rowsBeyondOne)
    end
    if deadline ~= '' then redis.call('ZADD', deadlines, deadline, id) end
    if input ~= '' then redis.call('PERSIST', input) end
  end
end
return isLate and 'late' or 'listed'
`

declare module 'ioredis' {
  // oxlint-disable-next-line no-unused-vars -- must repeat ioredis' own parameter to merge with it
  interface RedisCommander<Context> {
    guardSubmits(...args: (string | number)[]): Promise<unknown>
  }
}

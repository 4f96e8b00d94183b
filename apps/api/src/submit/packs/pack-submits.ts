import { memberIdOf, newPredictionId, packIdOf, rowsOf } from '@onqueue/shared'
import type { NewClaim, NewMember, PredictionJobData } from '@onqueue/shared'

/** A prediction on its way into the queue, with others or alone. */
export type Joined = {
  /** known at once, so that its end can be waited for before it can come */
  id: string
  /**
   * Resolves to its job as it is in the queue, and to null where it is not since another prediction has its idempotency key; rejects
   * as the enqueue does.
   */
  enqueued: Promise<PredictionJobData | null>
}

export type JoiningPrediction = {
  job: PredictionJobData
  /** as JSON */
  inputText: string
  attempts: number
  /** how many rows its pack may have */
  maxRows: number
  /** what its idempotency key is kept as, once it has an id */
  claimOf?: ClaimOf | undefined
}

/** The claim of an idempotency key for the prediction with this id. */
export type ClaimOf = (id: string) => NewClaim

/** Those of a pack, in the order of their numbers. */
export type PackMembers = readonly [NewMember, ...NewMember[]]

/** Input that a pack may have together: a worker reads it at once. */
const maxBytes = 256 * 1024
/** All of a pack are as old as its first: what comes later than this, as Redis does not answer, is in another. */
const maxAgeMs = 250

/**
 * Gathers predictions that arrive together into packs: those of a *group*, which share what a pack has in common.
 *
 *   join ──▶ open ──end of the turn, where nothing of the group is on its way──▶ sent
 *                 ──full, or too old for the next───────────────────────────▶ sent
 *                 ──something of the group that was on its way is answered────▶ sent
 *
 * So there is no timer, and one that comes alone waits for nothing; under load a pack grows for as long as Redis takes to answer
 * the one before it. A pack of one is sent as a prediction by itself, unless it has an idempotency key, which only packs take in the
 * same step.
 */
export const createPackSubmits = ({
  sendAlone,
  sendPack,
}: {
  sendAlone: (member: NewMember, attempts: number) => Promise<void>
  /** Resolves to the ids of those that are not in it. */
  sendPack: (packId: string, members: PackMembers, attempts: number) => Promise<readonly string[]>
}) => {
  const groups = new Map<string, Group>()
  let due: (() => void)[] = []

  /** Of all groups at once: what leaves alone is guarded by one script then. */
  const atEndOfTurn = (task: () => void) => {
    if (due.length === 0)
      setImmediate(() => {
        const tasks = due
        due = []
        for (const run of tasks) run()
      })
    due.push(task)
  }

  const send = async ({ packId, members, attempts }: OpenPack): Promise<Sent> => {
    const [first, ...others] = members
    if (!first) return { isPack: false, leftOut: [] }
    if (others.length > 0 || first.claim)
      return { isPack: true, leftOut: await sendPack(packId, [first, ...others], attempts) }
    await sendAlone(first, attempts)
    return { isPack: false, leftOut: [] }
  }
  const flush = (key: string, group: Group) => {
    const { open } = group
    if (!open) return
    group.open = undefined
    group.onTheirWay += 1
    const sent = send(open).finally(() => {
      group.onTheirWay -= 1
      flush(key, group)
      if (group.onTheirWay === 0) groups.delete(key)
    })
    open.resolve(sent)
  }

  const openIn = (key: string, group: Group, { job, attempts }: JoiningPrediction) => {
    const { promise, resolve } = Promise.withResolvers<Sent>()
    const packId = packIdOf(newPredictionId(job.model, job.createdAt))
    const open: OpenPack = {
      packId,
      createdAt: job.createdAt,
      attempts,
      members: [],
      rows: 0,
      bytes: 0,
      sent: promise,
      resolve,
    }
    group.open = open
    if (group.onTheirWay === 0)
      atEndOfTurn(() => {
        if (group.open === open) flush(key, group)
      })
    return open
  }

  return {
    join: (joining: JoiningPrediction): Joined => {
      const { job, inputText, maxRows, claimOf } = joining
      const key = groupOf(joining)
      const group = groups.get(key) ?? { open: undefined, onTheirWay: 0 }
      groups.set(key, group)
      const [rows, bytes] = [rowsOf(job), job.inputBytes]
      const { open: before } = group
      if (before && !takesMore(before, { rows, bytes, maxRows, createdAt: job.createdAt })) flush(key, group)
      const open = group.open ?? openIn(key, group, joining)
      const id = memberIdOf(open.packId, open.members.length + 1)
      // the same for all: it is part of their ids, and orders them in lists
      const asked = { ...job, createdAt: open.createdAt }
      open.members.push({ id, job: asked, inputText, claim: claimOf?.(id) })
      open.rows += rows
      open.bytes += bytes
      if (open.rows >= maxRows) flush(key, group)
      const enqueued = open.sent.then(({ isPack, leftOut }) =>
        leftOut.includes(id) ? null : isPack ? { ...asked, packId: open.packId } : asked,
      )
      return { id, enqueued }
    },
  }
}

/** A clock that was set back meanwhile is no matter: then all are from before. */
const takesMore = (
  open: OpenPack,
  { rows, bytes, maxRows, createdAt }: { rows: number; bytes: number; maxRows: number; createdAt: number },
) => open.rows + rows <= maxRows && open.bytes + bytes <= maxBytes && createdAt - open.createdAt <= maxAgeMs

/** How those of a pack were sent, and which were not. */
type Sent = { isPack: boolean; leftOut: readonly string[] }

type Group = { open: OpenPack | undefined; onTheirWay: number }

type OpenPack = {
  packId: string
  /** of the first that joined */
  createdAt: number
  attempts: number
  members: NewMember[]
  rows: number
  bytes: number
  sent: Promise<Sent>
  resolve: (sent: Promise<Sent>) => void
}

/** What those of a pack have in common. Those with an idempotency key are among themselves: they are never given up on. */
const groupOf = ({ attempts, job, claimOf }: JoiningPrediction) => {
  const { model, version, digest, owner, priority, keyId = '', replyTo = '' } = job
  return JSON.stringify([
    model,
    version,
    digest,
    owner,
    priority,
    keyId,
    replyTo,
    attempts,
    claimOf !== undefined,
  ])
}

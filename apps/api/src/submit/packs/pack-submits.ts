import { memberIdOf, newPredictionId, packIdOf, rowsOf } from '@onqueue/shared'
import type { NewMember, PredictionJobData } from '@onqueue/shared'

/** A prediction on its way into the queue, with others or alone. */
export type Joined = {
  /** known at once, so that its end can be waited for before it can come */
  id: string
  /** Resolves to its job as it is in the queue; rejects as the enqueue does. */
  enqueued: Promise<PredictionJobData>
}

export type JoiningPrediction = {
  job: PredictionJobData
  /** as JSON */
  inputText: string
  attempts: number
  /** how many rows its pack may have */
  maxRows: number
}

/** Those of a pack, in the order of their numbers. */
export type PackMembers = readonly [NewMember, ...NewMember[]]

/** Input that a pack may have together: a worker reads it at once. */
const maxBytes = 256 * 1024

/**
 * Gathers predictions that arrive together into packs: those of a *group*, which share what a pack has in common.
 *
 *   join ──▶ open ──end of the turn, where nothing of the group is on its way──▶ sent
 *                 ──full─────────────────────────────────────────────────────▶ sent
 *                 ──something of the group that was on its way is answered────▶ sent
 *
 * So there is no timer, and one that comes alone waits for nothing; under load a pack grows for as long as Redis takes to answer
 * the one before it. A pack of one is sent as a prediction by itself.
 */
export const createPackSubmits = ({
  sendAlone,
  sendPack,
}: {
  sendAlone: (member: NewMember, attempts: number) => Promise<void>
  sendPack: (packId: string, members: PackMembers, attempts: number) => Promise<void>
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

  const send = async ({ packId, members, attempts }: OpenPack) => {
    const [first, ...others] = members
    if (!first) return
    if (others.length === 0) await sendAlone(first, attempts)
    else await sendPack(packId, [first, ...others], attempts)
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
    const { promise, resolve } = Promise.withResolvers<void>()
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
      const { job, inputText, maxRows } = joining
      const key = groupOf(joining)
      const group = groups.get(key) ?? { open: undefined, onTheirWay: 0 }
      groups.set(key, group)
      const [rows, bytes] = [rowsOf(job), job.inputBytes]
      const { open: before } = group
      if (before && (before.rows + rows > maxRows || before.bytes + bytes > maxBytes)) flush(key, group)
      const open = group.open ?? openIn(key, group, joining)
      const id = memberIdOf(open.packId, open.members.length + 1)
      // the same for all: it is part of their ids, and orders them in lists
      const asked = { ...job, createdAt: open.createdAt }
      open.members.push({ id, job: asked, inputText })
      open.rows += rows
      open.bytes += bytes
      if (open.rows >= maxRows) flush(key, group)
      const enqueued = open.sent.then(() =>
        open.members.length === 1 ? asked : { ...asked, packId: open.packId },
      )
      return { id, enqueued }
    },
  }
}

type Group = { open: OpenPack | undefined; onTheirWay: number }

type OpenPack = {
  packId: string
  /** of the first that joined */
  createdAt: number
  attempts: number
  members: NewMember[]
  rows: number
  bytes: number
  sent: Promise<void>
  resolve: (sent: Promise<void>) => void
}

/** What those of a pack have in common. */
const groupOf = ({ attempts, job }: JoiningPrediction) => {
  const { model, version, digest, owner, priority, keyId = '', replyTo = '' } = job
  return JSON.stringify([model, version, digest, owner, priority, keyId, replyTo, attempts])
}

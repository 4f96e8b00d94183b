import { resolve } from 'node:path'
import { CommandError } from '../commands/command-error.ts'
import { createBatchClient, Unanswered } from './batch-client.ts'
import type { BatchClient, WatchedBatch } from './batch-client.ts'
import { checkTarget, collect } from './collect.ts'
import { comeBack } from './come-back.ts'
import type { Display } from './display.ts'
import { parseCommand, usage } from './parse-command.ts'
import type { Targets } from './parse-command.ts'
import { sendRows } from './send-rows.ts'
import { counted } from './show-progress.ts'
import { watchBatch } from './watch-batch.ts'

type Settings = { url: string | undefined; key: string | undefined }

/**
 * Has a file scored, and collects what came of it. Resolves to the exit code; rejects with a CommandError where it can't be
 * done. Where `signal` aborts, a batch that was made goes on, and it is said how to come back.
 */
export const runBatch = async (
  args: string[],
  {
    settings,
    folder,
    display,
    signal,
  }: { settings: Settings; folder: string; display: Display; signal: AbortSignal },
): Promise<number> => {
  const command = parseCommand(args)
  if (command.kind === 'help') {
    console.log(usage)
    return 0
  }
  const place = (path: string) => (path === '-' ? path : resolve(folder, path))
  const { output, errors } = command.targets
  const targets = { output: place(output), errors: errors === undefined ? undefined : place(errors) }
  const client = createBatchClient({
    url: command.url ?? settings.url ?? 'http://127.0.0.1:8080',
    key: settings.key,
  })
  for (const target of [targets.output, targets.errors]) if (target !== undefined) await checkTarget(target)

  let id = command.kind === 'resume' ? command.id : undefined
  try {
    if (command.kind === 'score') {
      const rows = { ...command.rows, path: place(command.rows.path) }
      if (rows.path !== '-' && [targets.output, targets.errors].includes(rows.path))
        throw new CommandError('the output would replace the file of rows: give it another name.')
      ;({ id } = await sendRows(client, { rows, display, signal }))
      display.say(`batch ${id} was made.`)
    }
    if (id === undefined) throw new Error('unreachable: it was made, or given')
    const batch = await watchBatch(client, { id, display, signal })
    return await finish(client, batch, { targets, display, signal })
  } catch (err) {
    if (signal.aborted) {
      display.say(
        id === undefined ? 'nothing was made: the file was not sent to its end.' : left(id, command),
      )
      return 130
    }
    if (err instanceof Unanswered) throw explainUnanswered(err)
    throw err
  }
}

const left = (id: string, command: { targets: Targets; url: string | undefined }) =>
  `the batch goes on without you. To come back:\n  ${comeBack(id, command)}`

const explainUnanswered = (err: Unanswered) => {
  const advice = err.isUnreachable
    ? 'start the server with npm start, or give --url or ONQUEUE_URL'
    : 'it was tried again as often as it makes sense, or can not be sent twice from stdin; try later'
  return new CommandError(`${err.message}: ${advice}.`, { cause: err })
}

const finish = async (
  client: BatchClient,
  batch: WatchedBatch,
  { targets, display, signal }: { targets: Targets; display: Display; signal: AbortSignal },
): Promise<number> => {
  const { id, status, counts, error } = batch
  const collectPart = (part: 'output' | 'errors', target: string) =>
    collect(client, { id, part, target, display, signal })
  const isWhole = status === 'completed'
  if (isWhole) await collectPart('output', targets.output)
  if (targets.errors !== undefined) await collectPart('errors', targets.errors)
  const errorsAt = targets.errors ?? `${client.url}/v1/batches/${id}/errors (or with --errors FILE)`
  const failed =
    counts.failed === 0 ? [] : [`${rowsOf(counts.failed)} failed: ${errorsAt} has each with the reason.`]
  display.say(
    isWhole
      ? [`${rowsOf(counts.completed + counts.failed)} scored.`, ...failed].join(' ')
      : [
          `the batch ${ends[status] ?? status}${error ? `: ${error.detail}` : ''}.`,
          ...failed,
          stays(client, id),
        ].join(' '),
  )
  return isWhole ? 0 : 1
}

const ends: Partial<Record<WatchedBatch['status'], string>> = {
  failed: 'has failed',
  canceled: 'was canceled',
  expired: 'was not done in time, and has expired',
}

const stays = ({ url }: BatchClient, id: string) =>
  `What was done of it is at ${url}/v1/batches/${id}/output.`

const rowsOf = (rows: number) => (rows === 1 ? '1 row' : `${counted(rows)} rows`)

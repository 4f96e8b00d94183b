import { once } from 'node:events'
import { createWriteStream } from 'node:fs'
import type { WriteStream } from 'node:fs'
import { access, constants, rename, rm } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { CommandError, systemCodeOf } from '../commands/command-error.ts'
import { showSize } from '../commands/show-size.ts'
import { Unanswered } from './batch-client.ts'
import type { BatchClient } from './batch-client.ts'
import type { Display } from './display.ts'
import { untilAnswered } from './patience.ts'

/** Throws a CommandError where no file can be made there, before anybody waits for what would go into it. */
export const checkTarget = async (path: string) => {
  if (path === '-') return
  await access(dirname(path), constants.W_OK).catch((err: unknown) => {
    throw new CommandError(`"${path}" can't be written: make its folder one that is there and is yours.`, {
      cause: err,
    })
  })
}

/**
 * Reads all of the output or the errors of a batch that has ended into a file, which is there when it is whole: until then it
 * has another name beside it. Where the connection is lost it goes on behind the last byte that came.
 */
export const collect = async (
  client: BatchClient,
  {
    id,
    part,
    target,
    display,
    signal,
  }: { id: string; part: 'output' | 'errors'; target: string; display: Display; signal: AbortSignal },
) => {
  const path = `/v1/batches/${encodeURIComponent(id)}/${part}`
  if (target === '-') return receive(client, { path, sink: process.stdout, display, signal })
  const draft = join(dirname(target), `.${basename(target)}.${id}-${process.pid}`)
  try {
    const file = createWriteStream(draft)
    await receive(client, { path, sink: file, display, signal })
    await closeFile(file)
    await rename(draft, target)
  } catch (err) {
    const code = systemCodeOf(err)
    if (code === undefined) throw err
    throw new CommandError(
      `"${target}" can't be written (${code}); the batch has ended, and is kept: npm run batch -- --resume ${id} -o ELSEWHERE collects it.`,
      { cause: err },
    )
  } finally {
    await rm(draft, { force: true })
  }
}

const receive = async (
  client: BatchClient,
  {
    path,
    sink,
    display,
    signal,
  }: { path: string; sink: NodeJS.WritableStream; display: Display; signal: AbortSignal },
) => {
  let received = 0
  const attempt = async () => {
    const range = received === 0 ? {} : { range: `bytes=${received}-` }
    const response = await client.send(path, { headers: range, signal })
    if (received > 0 && response.status !== 206)
      throw new CommandError(
        'the output can not be read on from where it broke off: start again with --resume.',
      )
    for await (const chunk of chunksOf(response, signal)) {
      await write(sink, chunk)
      received += chunk.byteLength
      display.progress(`received ${showSize(received)}`)
    }
  }
  await untilAnswered(attempt, {
    signal,
    mayTryAgain: () => true,
    onWait: ({ message }) => display.say(`${message}; reading goes on from there.`),
  })
}

async function* chunksOf({ body, url }: Response, signal: AbortSignal) {
  try {
    for await (const chunk of body ?? []) yield chunk
  } catch (err) {
    if (signal.aborted) throw err
    throw new Unanswered(`the connection to ${url} was lost`, { cause: err })
  }
}

const write = (sink: NodeJS.WritableStream, chunk: Uint8Array) =>
  new Promise<void>((resolve, reject) => {
    sink.write(chunk, (err) => (err ? reject(err) : resolve()))
  })

const closeFile = async (file: WriteStream) => {
  const closed = once(file, 'close')
  file.end()
  await closed
}

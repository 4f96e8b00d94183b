import { randomUUID } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { stat } from 'node:fs/promises'
import { basename } from 'node:path'
import { CommandError, systemCodeOf } from '../commands/command-error.ts'
import { showSize } from '../commands/show-size.ts'
import { readBatch } from './batch-client.ts'
import type { BatchClient, WatchedBatch } from './batch-client.ts'
import type { Display } from './display.ts'
import { contentTypeOf } from './formats.ts'
import type { Rows } from './parse-command.ts'
import { untilAnswered } from './patience.ts'

/** Of an upload whose connection is lost. */
const mostTries = 8
/** Whoever is asked to wait longer is told so instead. */
const longestWaitSeconds = 30

/**
 * Makes a batch of a file, which is streamed. Where the connection is lost it is sent again under the same idempotency key, so
 * that there is one batch however often that was. What came of stdin is gone, and is sent once.
 */
export const sendRows = async (
  client: BatchClient,
  { rows, display, signal }: { rows: Rows; display: Display; signal: AbortSignal },
): Promise<WatchedBatch> => {
  const { model, path, format, encoding, options } = rows
  const isStdin = path === '-'
  const bytes = isStdin ? undefined : await sizeOf(path)
  const query = new URLSearchParams({
    ...options,
    input_format: format,
    ...(isStdin ? {} : { filename: basename(path) }),
  })
  const headers = {
    'content-type': contentTypeOf(format),
    'idempotency-key': randomUUID(),
    ...(encoding ? { 'content-encoding': encoding } : {}),
    ...(bytes === undefined ? {} : { 'content-length': String(bytes) }),
  }
  let hasSent = false
  const attempt = async () => {
    const body = counted(isStdin ? process.stdin : createReadStream(path), {
      onBytes: (sent) => {
        hasSent = true
        display.progress(showSent(sent, bytes))
      },
    })
    const response = await client.send(
      `/v1/models/${encodeURIComponent(model)}/batches?${query.toString()}`,
      {
        method: 'POST',
        headers,
        body,
        duplex: 'half',
        signal,
      },
    )
    return readBatch(client.url, response)
  }
  return untilAnswered(attempt, {
    signal,
    mayTryAgain: ({ isUnreachable, retryAfterSeconds = 0 }, tries) =>
      !(isStdin && hasSent) &&
      !(isUnreachable && tries === 1) &&
      retryAfterSeconds <= longestWaitSeconds &&
      tries < mostTries,
    onWait: ({ message }) => display.say(`${message}; it is tried again.`),
  })
}

const sizeOf = async (path: string) => {
  try {
    const found = await stat(path)
    if (found.isDirectory()) throw new CommandError(`"${path}" is a folder: give a file of rows.`)
    // a pipe has no length before its end
    return found.isFile() ? found.size : undefined
  } catch (err) {
    const code = systemCodeOf(err)
    if (code === undefined) throw err
    throw new CommandError(
      code === 'ENOENT' ? `there is no file "${path}".` : `"${path}" can't be read (${code}).`,
      { cause: err },
    )
  }
}

const counted = (source: NodeJS.ReadableStream, { onBytes }: { onBytes: (sent: number) => void }) =>
  ReadableStream.from(
    (async function* () {
      let sent = 0
      for await (const chunk of source) {
        const bytes = Buffer.from(chunk)
        sent += bytes.length
        onBytes(sent)
        yield new Uint8Array(bytes)
      }
    })(),
  )

const showSent = (sent: number, bytes: number | undefined) =>
  bytes === undefined ? `sent ${showSize(sent)}` : `sent ${showSize(sent)} of ${showSize(bytes)}`

import { existsSync, readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { batchPrefix, modelKeys, parseBatch } from '@onqueue/shared'
import { unfinishedParts } from '../../tests/batches/unfinished-parts.ts'
import type { BatchBlow, Stage } from '../plan/plan-batch-blows.ts'
import type { StormStack } from './storm-stack.ts'

type Options = Pick<StormStack, 'storage' | 'client' | 'prefix'> & {
  model: string
  inputBytes: number
  /** of its output, when it is done */
  outputBytes: number
}

const diskLookMs = 2
const redisLookMs = 10

/**
 * How far the one batch of a model is that is under way, by the bytes that it has read and written: parts that an executor did not
 * finish count as far as they came.
 */
export class BatchProgress {
  readonly #options: Options
  readonly #shares: Record<Stage, number> = { upload: 0, plan: 0, parts: 0, end: -1 }
  readonly #over = new Set<Stage>()
  /** of parts that are done, by their names */
  readonly #doneBytes = new Map<string, number>()
  readonly #disk: NodeJS.Timeout
  #id: string | undefined
  #isClosed = false

  /** Looks from now on. */
  constructor(options: Options) {
    this.#options = options
    this.#disk = setInterval(() => this.#lookAtDisk(), diskLookMs)
    void this.#followRecord()
  }

  /** When the blows of a stage are due. */
  turnsOf(stage: Stage, blows: readonly BatchBlow[]) {
    const isOver = () => this.#isClosed || this.#over.has(stage)
    return {
      untilBlow: async (index: number) => {
        const due = blows[index]?.share ?? 0
        while (this.#shares[stage] < due && !isOver()) await sleep(diskLookMs)
      },
      isOver,
    }
  }

  close() {
    this.#isClosed = true
    clearInterval(this.#disk)
  }

  #lookAtDisk() {
    const { storage, inputBytes, outputBytes } = this.#options
    // the storm is interrupted, and all that it has is removed
    if (!existsSync(join(storage, 'incoming'))) return this.close()
    const unfinished = unfinishedParts(storage)
    const upload = unfinished.find(({ name }) => name.startsWith('files~'))
    if (upload) this.#shares.upload = upload.bytes / inputBytes
    if (this.#id === undefined) return
    const parts = new Map(this.#doneParts(this.#id))
    const start = `${batchPrefix(this.#id)}out/`.replaceAll('/', '~')
    for (const { name, bytes } of unfinished) {
      const [part = ''] = name.startsWith(start) ? name.slice(start.length).split('~') : []
      // the longest comes first: what an executor left that was killed, or what the next one has of it
      if (part !== '' && !parts.has(part)) parts.set(part, bytes)
    }
    this.#shares.parts = [...parts.values()].reduce((sum, bytes) => sum + bytes, 0) / outputBytes
  }

  #doneParts(id: string) {
    const folder = join(this.#options.storage, 'objects', batchPrefix(id), 'out')
    for (const name of namesIn(folder)) {
      if (!this.#doneBytes.has(name)) this.#doneBytes.set(name, statSync(join(folder, name)).size)
    }
    return this.#doneBytes
  }

  async #followRecord() {
    const { client, prefix, model, inputBytes } = this.#options
    const keys = modelKeys(prefix, model)
    while (!this.#isClosed) {
      this.#id ??= (await client.zrange(keys.activeBatches, '0', '0'))[0]
      const record =
        this.#id === undefined ? null : parseBatch(this.#id, await client.hgetall(keys.batch(this.#id)))
      if (record) {
        this.#over.add('upload')
        this.#shares.plan = record.cursor.offset / inputBytes
        if (record.isPlanned) this.#over.add('plan')
        if (record.end) {
          this.#over.add('parts')
          this.#shares.end = 0
        }
      }
      await sleep(redisLookMs)
    }
  }
}

const namesIn = (folder: string) => {
  try {
    return readdirSync(folder)
  } catch {
    // nothing is done yet
    return []
  }
}

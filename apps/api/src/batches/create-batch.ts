import { AppError, fileContentName, keyedPredictionId, newPredictionId, toBatchId } from '@onqueue/shared'
import type {
  BatchAbout,
  BatchRecord,
  BatchStore,
  FileRecord,
  RowFormat,
  ServedVersion,
} from '@onqueue/shared'
import type { CheckReceiver } from '../deliveries/check-receiver.ts'
import type { Files } from '../files/open-files.ts'
import type { Upload } from '../files/receive-file.ts'
import type { ModelCatalog } from '../models/model-catalog.ts'
import { formatOf, refuseEncoding } from './batch-request.ts'
import type { BatchOptions } from './batch-request.ts'
import { checkHead, headBytes } from './check-head.ts'
import { microBatchRowsOf } from './micro-batch-rows.ts'
import { resolveForBatches } from './resolve-for-batches.ts'

/** A batch that is asked for, beside its input. */
type AskedBatch = {
  model: string
  options: BatchOptions
  owner: string
  keyId: string | null | undefined
  requestId: string
  idempotencyKey: string | undefined
}

export type CreatedBatch = { record: BatchRecord; isReplay: boolean }

/**
 * Makes batches, of a file that is there or of one that is sent along. Throws what the catalog does, `batches_off`, `batches_full`, `invalid_file` where no row can be
 * read of it, `unsupported_media_type`, `idempotency_key_reused`, and what reading or taking in a file does.
 */
export type CreateBatch = {
  ofFile(asked: AskedBatch, fileId: string): Promise<CreatedBatch>
  /** The file that is sent becomes one of its owner's, as if it had been uploaded before. */
  ofBody(asked: AskedBatch, upload: Omit<Upload, 'owner' | 'check'>): Promise<CreatedBatch>
}

export const createCreateBatch = ({
  store,
  files,
  catalog,
  secrets,
  checkReceiver,
  keptMs,
  maxActive,
  clock,
}: {
  store: BatchStore
  files: Files
  catalog: Pick<ModelCatalog, 'get' | 'resolve'>
  secrets: () => readonly [string, ...string[]]
  checkReceiver: CheckReceiver
  /** how long a batch may take, and is kept after its end */
  keptMs: number
  /** batches of one model that an owner may have which have not ended */
  maxActive: number
  clock: () => number
}): CreateBatch => {
  const resolve = ({ model, options: { version } }: AskedBatch) => {
    const served = resolveForBatches(catalog, model, version)
    const inputSchema = served.card.interface?.inputSchema ?? {}
    return { served, inputSchema }
  }

  const checkerOf = (asked: AskedBatch) => {
    const { served, inputSchema } = resolve(asked)
    const { input_format: inputFormat, id_column: idColumn, extra_columns: extraColumns } = asked.options
    const check = (
      sent: { filename: string | null | undefined; contentType: string | undefined },
      head: Buffer,
    ) => {
      const format = formatOf({ asked: inputFormat, ...sent })
      refuseEncoding(asked.options, asked.options.output_format ?? format)
      checkHead(head, { format, inputSchema, idColumn, extraColumns })
      return format
    }
    return { served, check }
  }

  const idOf = ({ model, owner, idempotencyKey }: AskedBatch, now: number) =>
    toBatchId(
      idempotencyKey === undefined
        ? newPredictionId(model, now)
        : keyedPredictionId({ model, owner, idempotencyKey, secret: secrets()[0] }),
    )

  const checkWebhook = async ({ options: { webhook }, owner }: AskedBatch) =>
    webhook === undefined ? null : checkReceiver(webhook, owner, '/webhook')

  const create = async (
    asked: AskedBatch,
    {
      file,
      format,
      served,
      webhook,
    }: { file: FileRecord; format: RowFormat; served: ServedVersion; webhook: string | null },
  ): Promise<CreatedBatch> => {
    const { model, owner, idempotencyKey, options } = asked
    const now = clock()
    const id = idOf(asked, now)
    const fingerprint = idempotencyKey === undefined ? null : JSON.stringify([options, file.sha256])
    const about: BatchAbout = {
      owner,
      keyId: asked.keyId ?? null,
      requestId: asked.requestId,
      model,
      version: served.version,
      digest: served.card.digest,
      fingerprint,
      fileId: file.id,
      input: [{ name: fileContentName(file.id), bytes: file.bytes }],
      storage: file.storage,
      inputFormat: format,
      outputFormat: options.output_format ?? format,
      encodingFormat: options.encoding_format,
      idColumn: options.id_column ?? null,
      extraColumns: options.extra_columns,
      maxFailedRows: options.max_failed_rows ?? null,
      microBatchRows: microBatchRowsOf(catalog.get(model), served),
      priority: options.priority,
      metadata: options.metadata,
      webhook,
      createdAt: now,
      deadline: now + keptMs,
      keptMs,
    }
    const made = await store.create(id, about, { maxActive })
    if (made === 'full') throw batchesFull(maxActive)
    const record = await store.read(id)
    if (!record) throw lostRecord()
    if (made === 'made') {
      // or the sweeper does
      if (await files.hold(file.id, id)) return { record, isReplay: false }
      await store.end(record, { status: 'failed', error: inputGone })
      throw files.notFound()
    }
    if (record.about.owner !== owner || record.about.fingerprint !== fingerprint) {
      throw new AppError(
        'idempotency_key_reused',
        'this Idempotency-Key was used for another request; use a new one',
      )
    }
    return { record, isReplay: true }
  }

  /** Before all of a file was sent for nothing; what counts is looked at when it is made. */
  const refuseIfFull = async (asked: AskedBatch) => {
    if ((await store.countActive(asked.model, asked.owner)) < maxActive) return
    const isReplay = asked.idempotencyKey !== undefined && (await store.read(idOf(asked, clock())))
    if (!isReplay) throw batchesFull(maxActive)
  }

  return {
    ofFile: async (asked, fileId) => {
      const { served, check } = checkerOf(asked)
      const webhook = await checkWebhook(asked)
      const file = await files.read(fileId, asked.owner)
      const head = await readHead(files, file)
      return create(asked, { file, format: check(file, head), served, webhook })
    },
    ofBody: async (asked, upload) => {
      const { served, check } = checkerOf(asked)
      const webhook = await checkWebhook(asked)
      await refuseIfFull(asked)
      let format: RowFormat | undefined
      const file = await files.receive({
        ...upload,
        owner: asked.owner,
        check: (sent, head) => {
          format = check({ ...sent, filename: sent.filename ?? upload.filename }, head)
        },
      })
      if (format === undefined) throw new Error('unreachable: it was checked')
      const removeFile = () => files.remove(file.id, asked.owner).catch(() => undefined)
      const created = await create(asked, { file, format, served, webhook }).catch(async (err: unknown) => {
        if (err instanceof AppError && err.code === 'batches_full') await removeFile()
        throw err
      })
      // the one that came before has a file of its own
      if (created.isReplay) await removeFile()
      return created
    },
  }
}

/** Its owner removed it, or the storage lost it. */
export const inputGone = { code: 'invalid_file', detail: 'its file was removed' } as const

const batchesFull = (maxActive: number) =>
  new AppError(
    'batches_full',
    `you have ${maxActive === 1 ? '1 batch' : `${maxActive} batches`} of this model that have not ended, and may have no more; wait until one ends, or cancel one`,
    { retryAfterSeconds: 30 },
  )

const lostRecord = () =>
  new AppError('queue_unavailable', 'redis lost the batch as it was made; submit it again', {
    retryAfterSeconds: 1,
  })

const readHead = async (files: Pick<Files, 'openContent'>, file: FileRecord): Promise<Buffer> => {
  const stream = await files.openContent(file, { start: 0, end: Math.min(headBytes, file.bytes) })
  return Buffer.concat(await stream.toArray())
}

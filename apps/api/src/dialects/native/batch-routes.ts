import { OpenAPIHono } from '@hono/zod-openapi'
import { AppError, batchPath, toBatch } from '@onqueue/shared'
import type { BatchRecord, RowFormat } from '@onqueue/shared'
import { parseBatchRequest } from '../../batches/batch-request.ts'
import type { CreatedBatch } from '../../batches/create-batch.ts'
import { batchEventId } from '../../batches/follow-batch.ts'
import type { Batches } from '../../batches/open-batches.ts'
import type { PartKind } from '../../batches/read-output.ts'
import { readContentEncoding } from '../../files/decode-content.ts'
import type { ApiContext, ApiEnvironment } from '../../http/api-environment.ts'
import { saysJson } from '../../http/bodies/json-body.ts'
import type { ReadShortBody } from '../../http/bodies/json-body.ts'
import { lingerWhenRefused } from '../../http/bodies/linger.ts'
import { streamBody } from '../../http/bodies/stream-body.ts'
import type { Locate } from '../../http/errors/locate.ts'
import { parseIdempotencyKey } from '../../http/idempotency-key.ts'
import { decodeCursor, encodeCursor } from '../../http/list-cursor.ts'
import type { ListCursor } from '../../http/list-cursor.ts'
import * as docs from './batch-docs.ts'
import { answerContent } from './file-content.ts'
import { answerGrowingContent, refuseBlindWait } from './growing-content.ts'
import { eventHeaders } from './open-events.ts'

/** Files of rows that are scored: handed over, followed, read and canceled. */
export const batchRoutes = ({
  batches,
  idleMs,
  readShortBody,
  clock,
  publicUrl,
  locate,
}: {
  batches: Batches
  /** how long nothing of a body may come */
  idleMs: number
  readShortBody: ReadShortBody
  clock: () => number
  publicUrl: string
  locate: Locate
}) => {
  const app = new OpenAPIHono<ApiEnvironment>()
  const show = (record: BatchRecord) =>
    toBatch(record, { publicUrl, now: clock(), reason: batches.whyWaiting(record) })
  const linkTo = (c: ApiContext, cursor: ListCursor | null) => {
    if (!cursor) return null
    const url = new URL(`${publicUrl}/v1/batches`)
    url.search = new URL(c.req.url).search
    url.searchParams.set('cursor', encodeCursor(cursor))
    return url.href
  }

  app.use('/v1/models/:model/batches', lingerWhenRefused)

  app.openapi(docs.createBatchRoute, async (c) => {
    const contentType = c.req.header('content-type')
    const { filename, ...options } = c.req.valid('query')
    const asked = {
      model: c.req.param('model'),
      owner: c.get('owner'),
      keyId: c.get('keyId'),
      requestId: c.get('requestId'),
      idempotencyKey: parseIdempotencyKey(c.req.header('idempotency-key')),
    }
    const create = async (): Promise<CreatedBatch> => {
      if (saysJson(contentType ?? '')) {
        if (Object.keys(c.req.queries()).length > 0) throw optionsElsewhere()
        const { input_file: fileId, ...inBody } = parseBatchRequest(await readShortBody(c))
        return batches.create.ofFile({ ...asked, options: inBody }, fileId)
      }
      const length = c.req.header('content-length')
      return batches.create.ofBody(
        { ...asked, options },
        {
          encoding: readContentEncoding(c.req.header('content-encoding')),
          contentType,
          contentLength: length === undefined ? undefined : Number(length),
          filename,
          body: streamBody(c, { idleMs }),
        },
      )
    }
    const { record, isReplay } = await create()
    return c.json(show(record), record.end ? 200 : 202, {
      Location: locate(batchPath(record.id)),
      ...(record.end ? {} : { 'Retry-After': '1' }),
      ...(isReplay ? { 'Idempotency-Replayed': 'true' } : {}),
    })
  })

  app.openapi(docs.listBatchesRoute, async (c) => {
    const { limit, cursor, model } = c.req.valid('query')
    const page = await batches.list({
      owner: c.get('owner'),
      model,
      limit,
      cursor: cursor === undefined ? undefined : decodeCursor(cursor),
    })
    const results = page.batches.map(show)
    return c.json({ results, next: linkTo(c, page.next), previous: linkTo(c, page.previous) }, 200)
  })

  app.openapi(docs.getBatchRoute, async (c) => {
    const record = await batches.read(c.req.param('id'), c.get('owner'))
    return c.json(show(record), 200, record.end ? {} : { 'Retry-After': '1' })
  })

  app.openapi(docs.cancelBatchRoute, async (c) => {
    const record = await batches.cancel(c.req.param('id'), c.get('owner'))
    return c.json(show(record), 200)
  })

  app.openapi(docs.batchEventsRoute, async (c) => {
    const record = await batches.read(c.req.param('id'), c.get('owner'))
    const lastEventId = c.req.header('last-event-id')
    // an EventSource opens the stream again after its end, for ever, unless it is told that nothing more will come
    if (record.end && lastEventId === batchEventId(record)) return c.body(null, 204)
    const leave = c.get('underWay')?.open('streams', c.get('owner'))
    if (leave) c.env.outgoing?.once('close', leave)
    // so that Node knows it too: a client that closed its half is asked by a comment whether it is there
    c.env.outgoing?.setHeader('Content-Type', 'text/event-stream')
    return c.body(batches.follow(record, { lastEventId, signal: c.req.raw.signal, show }), 200, eventHeaders)
  })

  app.openapi(docs.batchTemplateRoute, (c) => {
    const { format, version } = c.req.valid('query')
    const text = batches.template(c.req.param('model'), { version, format })
    return c.body(text, 200, {
      'Content-Type': contentTypeOf[format],
      'Content-Disposition': `attachment; filename="template.${format}"`,
    })
  })

  const answerParts = async (
    c: ApiContext,
    record: BatchRecord,
    { kind, format, name, waits }: { kind: PartKind; format: RowFormat; name: string; waits: boolean },
  ) => {
    if (waits) refuseBlindWait(c)
    const { segments, bytes, isComplete, etag } = await batches[kind](record)
    const content = {
      filename: `${record.id}${name}.${format}`,
      contentType: contentTypeOf[format],
      headers: { 'X-Batch-Status': show(record).status },
    }
    if (waits && !isComplete && c.req.method !== 'HEAD')
      return answerGrowingContent(c, content, () => batches.stream(record, kind, c.req.raw.signal))
    return answerContent(c, { ...content, etag, bytes, isGrowing: !isComplete }, (range, buffers) =>
      batches.openParts(record, segments, range, buffers),
    )
  }

  app.openapi(docs.batchOutputRoute, async (c) => {
    const record = await batches.read(c.req.param('id'), c.get('owner'))
    const waits = c.req.valid('query').wait !== undefined
    return answerParts(c, record, { kind: 'output', format: record.about.outputFormat, name: '', waits })
  })

  app.openapi(docs.batchErrorsRoute, async (c) => {
    const record = await batches.read(c.req.param('id'), c.get('owner'))
    const waits = c.req.valid('query').wait !== undefined
    return answerParts(c, record, { kind: 'errors', format: 'jsonl', name: '-errors', waits })
  })

  return app
}

const optionsElsewhere = () =>
  new AppError(
    'invalid_request',
    "the query can't be used: beside a JSON body the options are members of that; put them beside input_file",
  )

const contentTypeOf: Record<RowFormat, string> = {
  jsonl: 'application/jsonl',
  csv: 'text/csv; charset=utf-8',
  parquet: 'application/vnd.apache.parquet',
}

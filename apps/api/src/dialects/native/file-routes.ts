import { createRoute, OpenAPIHono, z } from '@hono/zod-openapi'
import { filePath, fileSchema, showFile } from '@onqueue/shared'
import type { Files } from '../../files/open-files.ts'
import { readContentEncoding } from '../../files/decode-content.ts'
import type { ApiContext, ApiEnvironment } from '../../http/api-environment.ts'
import { lingerWhenRefused } from '../../http/bodies/linger.ts'
import { streamBody } from '../../http/bodies/stream-body.ts'
import type { Locate } from '../../http/errors/locate.ts'
import { decodeCursor, encodeCursor } from '../../http/list-cursor.ts'
import type { ListCursor } from '../../http/list-cursor.ts'
import { answerContent } from './file-content.ts'
import * as docs from './prediction-docs.ts'

/** The caller's own files: uploaded, described, read and removed. */
export const fileRoutes = ({
  files,
  publicUrl,
  locate,
}: {
  files: Files
  publicUrl: string
  locate: Locate
}) => {
  const app = new OpenAPIHono<ApiEnvironment>()

  const linkTo = (c: ApiContext, cursor: ListCursor | null) => {
    if (!cursor) return null
    const url = new URL(`${publicUrl}/v1/files`)
    url.search = new URL(c.req.url).search
    url.searchParams.set('cursor', encodeCursor(cursor))
    return url.href
  }

  app.use('/v1/files', lingerWhenRefused)

  app.openapi(uploadRoute, async (c) => {
    const { filename } = c.req.valid('query')
    const length = c.req.header('content-length')
    const file = await files.receive({
      owner: c.get('owner'),
      encoding: readContentEncoding(c.req.header('content-encoding')),
      contentType: c.req.header('content-type'),
      contentLength: length === undefined ? undefined : Number(length),
      filename,
      body: streamBody(c, { idleMs: files.idleMs }),
    })
    return c.json(showFile(file, { publicUrl }), 201, { Location: locate(filePath(file.id)) })
  })

  app.openapi(listRoute, async (c) => {
    const { limit, cursor } = c.req.valid('query')
    const page = await files.list({
      owner: c.get('owner'),
      limit,
      cursor: cursor === undefined ? undefined : decodeCursor(cursor),
    })
    const results = page.files.map((file) => showFile(file, { publicUrl }))
    return c.json({ results, next: linkTo(c, page.next), previous: linkTo(c, page.previous) }, 200)
  })

  app.openapi(getRoute, async (c) => {
    const file = await files.read(c.req.param('id'), c.get('owner'))
    return c.json(showFile(file, { publicUrl }), 200)
  })

  app.openapi(contentRoute, async (c) => {
    const file = await files.read(c.req.param('id'), c.get('owner'))
    const content = { ...file, etag: `"${file.sha256}"` }
    return answerContent(c, content, (range, buffers) => files.openContent(file, range, buffers))
  })

  app.openapi(deleteRoute, async (c) => {
    await files.remove(c.req.param('id'), c.get('owner'))
    return c.body(null, 204)
  })

  return app
}

const tags = ['Files']
const fileResource = z.object(fileSchema.shape).openapi('File')
const idParameter = { ...docs.idParameter, description: 'Id of the file.' }
const anyBytes = { type: 'string' as const, format: 'binary' }

const uploadRoute = createRoute({
  method: 'post',
  path: '/v1/files',
  operationId: 'uploadFile',
  tags,
  summary: 'Upload a file, as the body or as the part "file" of a form',
  description:
    'Of any length up to the limits of the server. With Content-Encoding gzip or zstd it is decoded while it arrives: what is kept, counted and hashed is what it is without.',
  request: {
    query: z.strictObject({
      filename: z.string().max(1000).optional().describe('What to call it, where the body itself does not.'),
    }),
    body: {
      required: true,
      content: {
        'application/octet-stream': { schema: anyBytes },
        'multipart/form-data': {
          schema: { type: 'object' as const, properties: { file: anyBytes }, required: ['file'] },
        },
      },
    },
  },
  responses: {
    201: docs.json(fileResource, 'The file is kept.'),
    400: docs.problem('The body is cut off, can not be decoded, or is a form without a file.'),
    408: docs.problem('Nothing of the body came for too long.'),
    413: docs.problem('The file is too long.'),
    415: docs.problem('The body is encoded in a way that this server does not know.'),
    429: docs.problem('You have too many files, too many bytes, or too many uploads under way.'),
    503: docs.problem('There is no room in the storage, or it can not be used at the moment.'),
  },
})

const listRoute = createRoute({
  method: 'get',
  path: '/v1/files',
  operationId: 'listFiles',
  tags,
  summary: 'Your files, newest first',
  request: {
    query: z.strictObject({
      limit: docs.limit,
      cursor: z.string().optional().describe('From next or previous of a page.'),
    }),
  },
  responses: {
    200: docs.json(
      z.object({ results: z.array(fileResource), next: z.url().nullable(), previous: z.url().nullable() }),
      'A page; next and previous are links, or null.',
    ),
    400: docs.problem('A query parameter is malformed.'),
  },
})

const getRoute = createRoute({
  method: 'get',
  path: '/v1/files/{id}',
  operationId: 'getFile',
  tags,
  summary: 'What is known of a file',
  parameters: [idParameter],
  responses: {
    200: docs.json(fileResource, 'The file.'),
    404: docs.problem('There is no such file.'),
  },
})

const contentRoute = createRoute({
  method: 'get',
  path: '/v1/files/{id}/content',
  operationId: 'getFileContent',
  tags,
  summary: 'The bytes of a file, or a range of them',
  parameters: [idParameter, docs.rangeHeader, docs.ifRangeHeader, docs.ifNoneMatchHeader],
  responses: {
    200: docs.bytes('All of it.'),
    206: docs.bytes('The range that was asked for.'),
    304: { description: 'It is what the ETag says.' },
    404: docs.problem('There is no such file.'),
    416: docs.problem('There is nothing of this range.'),
    429: docs.problem('You read and send too many files at once.'),
    503: docs.problem('Its bytes can not be read at the moment.'),
  },
})

const deleteRoute = createRoute({
  method: 'delete',
  path: '/v1/files/{id}',
  operationId: 'deleteFile',
  tags,
  summary: 'Remove a file',
  parameters: [idParameter],
  responses: {
    204: { description: 'It is gone.' },
    404: docs.problem('There is no such file.'),
    409: docs.problem('It is in use.'),
  },
})

import { AppError } from '@onqueue/shared'
import { z } from 'zod'
import type { ApiContext } from '../../../http/api-environment.ts'
import { createShortReader } from '../../../http/bodies/json-body.ts'
import { parseBody } from '../../../http/bodies/parse-body.ts'
import { readQuery } from '../../../http/read-query.ts'

const maxIds = 1000
/** Of a model's name, a dash and a ULID. */
export const maxIdCharacters = 90
/** A thousand of the longest ids, each in a line of its own, are 100 KB. It is parsed at once: the worst of it takes 30 ms. */
const maxBodyBytes = 128 * 1024

const howMany = 'takes 1 to 1,000 ids; ask for the others in another request'
const oneId = `takes the id of a prediction, which has 1 to ${maxIdCharacters} characters`

/** The ids that a body asks for. */
export const idsSchema = z
  .array(z.string().min(1, oneId).max(maxIdCharacters, oneId))
  .min(1, howMany)
  .max(maxIds, howMany)
  .describe('Of any models. One that is there twice is answered twice.')

const readBody = createShortReader({ limitBytes: maxBodyBytes })

/** The body of a request that has no query. Throws what is to be answered where it is none. */
export const readIdsBody = async <Schema extends z.ZodType>(
  c: ApiContext,
  schema: Schema,
): Promise<z.infer<Schema>> => {
  readQuery(c.req, [])
  const body = await readBody(c)
  if (!Array.isArray(body)) return parseBody(schema, body)
  const detail = 'is an array; did you mean {"ids": […]}?'
  throw new AppError('invalid_input', `the request can't be used: the body ${detail}`, {
    places: [{ pointer: '', detail }],
  })
}

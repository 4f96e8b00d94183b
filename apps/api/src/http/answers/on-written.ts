import { ServerResponse } from 'node:http'
import type { HttpBindings } from '@hono/node-server'

/**
 * Tells each chunk of an answer's body when the system has taken it: nobody in this process reads it any more. One that can't be
 * written is not told, and neither are those of HTTP/2. Hono writes bodies with chunks alone, so other arguments are not passed on.
 */
export const onWritten = (outgoing: HttpBindings['outgoing'], tell: (chunk: unknown) => void) => {
  if (!(outgoing instanceof ServerResponse)) return
  const write = outgoing.write.bind(outgoing)
  outgoing.write = (chunk: unknown) =>
    write(chunk, (err) => {
      if (!err) tell(chunk)
    })
}

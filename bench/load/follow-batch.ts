import { batchSchema } from '@onqueue/shared/contract'
import type { Batch } from '@onqueue/shared/contract'

/** The batch as its events show it, until it has ended: about once a second, and at its end. */
export async function* followBatch(url: string): AsyncGenerator<Batch> {
  const answer = await fetch(url)
  if (!answer.ok || !answer.body) throw new Error(`GET ${url}: ${answer.status} ${await answer.text()}`)
  let text = ''
  for await (const piece of answer.body.pipeThrough(new TextDecoderStream())) {
    text += piece
    const events = text.split('\n\n')
    text = events.pop() ?? ''
    for (const event of events) {
      const data = /^data: (.*)$/m.exec(event)?.[1]
      if (data !== undefined) yield batchSchema.parse(JSON.parse(data))
    }
  }
}

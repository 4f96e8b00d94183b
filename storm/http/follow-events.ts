/**
 * Reads the events of a prediction to the end of the stream, or for so long; answers the data of each. Never rejects:
 * a server that dies ends a stream too.
 */
export const followEvents = async (
  url: string,
  path: string,
  { timeoutMs, lastEventId }: { timeoutMs: number; lastEventId?: string | undefined },
): Promise<{ status: number; events: { id: string; data: string }[] }> => {
  const events: { id: string; data: string }[] = []
  let status = 0
  try {
    const response = await fetch(url + path, {
      headers: lastEventId === undefined ? {} : { 'last-event-id': lastEventId },
      signal: AbortSignal.timeout(timeoutMs),
    })
    status = response.status
    let unread = ''
    for await (const chunk of response.body?.pipeThrough(new TextDecoderStream()) ?? []) {
      unread += chunk
      const parts = unread.split('\n\n')
      unread = parts.pop() ?? ''
      events.push(...parts.flatMap(toEvent))
    }
  } catch {
    // what came before it counts
  }
  return { status, events }
}

const toEvent = (text: string) => {
  const data = /^data: (.*)$/m.exec(text)?.[1]
  return data === undefined ? [] : [{ id: /^id: (.*)$/m.exec(text)?.[1] ?? '', data }]
}

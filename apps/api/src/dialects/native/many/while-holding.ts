import type { ApiContext } from '../../../http/api-environment.ts'

/** Counts so many more bytes as held for a request. Throws `server_busy` where they are too many. */
export type Hold = (bytes: number) => void

/** Does what holds memory of this process for a request, which is given back when it is done. */
export const whileHolding = async <Result>(
  c: ApiContext,
  act: (hold: Hold) => Promise<Result>,
): Promise<Result> => {
  const held: (() => void)[] = []
  const underWay = c.get('underWay')
  try {
    return await act((bytes) => underWay && held.push(underWay.reserve(bytes)))
  } finally {
    for (const giveBack of held) giveBack()
  }
}

/** What a prediction takes that is waited for. */
export const awaitedBytes = 512

/** What a prediction takes that is shown, as an object and as text, but for what may be long of it. */
export const shownBytes = 2048

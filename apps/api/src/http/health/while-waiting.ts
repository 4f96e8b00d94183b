import type { ApiContext } from '../api-environment.ts'

/** Does what holds a request back for a result, as one of the waits of its key. Throws `too_many_open` before it begins. */
export const whileWaiting = async <Result>(c: ApiContext, wait: () => Promise<Result>): Promise<Result> => {
  const leave = c.get('underWay')?.open('waits', c.get('owner'))
  try {
    return await wait()
  } finally {
    leave?.()
  }
}

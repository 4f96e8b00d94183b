import type { ChainableCommander } from 'ioredis'

/** The replies of a pipeline, in order; throws the first error among them, which `exec` resolves with. */
export const runPipeline = async (pipeline: ChainableCommander): Promise<unknown[]> => {
  const replies = (await pipeline.exec()) ?? []
  return replies.map(([err, reply]) => {
    if (err) throw err
    return reply
  })
}

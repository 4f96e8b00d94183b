/** The replies of a pipeline, in order; throws the first error among them, which `exec` resolves with. */
export const runPipeline = async (pipeline: Pipeline): Promise<unknown[]> => {
  const replies = (await pipeline.exec()) ?? []
  return replies.map(([err, reply]) => {
    if (err) throw err
    return reply
  })
}

/** One of ioredis, or of BullMQ. */
type Pipeline = { exec(): Promise<[Error | null, unknown][] | null> }

/** Answers the requests of the process that started this one, one after the other, and ends when it is gone. */
export const answerParent = (answer: (request: unknown) => Promise<unknown>) => {
  let last: Promise<unknown> = Promise.resolve()
  process.on('message', (request) => {
    last = last
      .then(() => answer(request))
      .then(
        (value) => process.send?.({ answer: value }),
        (err: unknown) =>
          process.send?.({ failure: err instanceof Error ? (err.stack ?? err.message) : String(err) }),
      )
  })
  process.once('disconnect', () => process.exit(0))
}

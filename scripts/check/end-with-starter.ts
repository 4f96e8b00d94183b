/** Has this process end in order when whoever started it is gone: a Ctrl-C that was not in a terminal, or worse. */
export const endWithStarter = () => {
  process.once('disconnect', () => process.kill(process.pid, 'SIGTERM'))
  process.channel?.unref()
}

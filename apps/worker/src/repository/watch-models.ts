import { watch } from 'node:fs'
import { basename } from 'node:path'
import type { Logger } from '@onqueue/shared'

/** Models are read once, at the start; a folder that appears later is only pointed out. Returns what ends the watch. */
export const watchModels = ({ dir, known, log }: { dir: string; known: Iterable<string>; log: Logger }) => {
  const said = new Set(known)
  try {
    const watcher = watch(dir, (_, file) => {
      const name = file === null ? '' : basename(file)
      // what is hidden is no model, nor what is being copied under such a name
      if (name === '' || name.startsWith('.') || said.has(name)) return
      said.add(name)
      log.warn({ model: name }, 'something new in the model repository: restart the worker to load it')
    })
    watcher.on('error', (err) => log.warn({ err }, 'the model repository is not watched any more'))
    return () => watcher.close()
  } catch (err) {
    log.warn({ err, dir }, 'the model repository can not be watched')
    return () => undefined
  }
}

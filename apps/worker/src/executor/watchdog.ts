import { Worker } from 'node:worker_threads'

/**
 * Ends this process when its parent is gone, even while the main thread hangs in a native run and hears nothing.
 *
 * When a parent dies, its children get another one, so the parent's id changes. The thread's program is text, since a
 * file of TypeScript would load the type stripper a second time.
 */
export const watchParent = ({ intervalMs = 400 }: { intervalMs?: number } = {}) => {
  const program = `
    const { parent, intervalMs } = require('node:worker_threads').workerData
    setInterval(() => { if (process.ppid !== parent) process.kill(process.pid, 'SIGKILL') }, intervalMs)
  `
  const thread = new Worker(program, { eval: true, workerData: { parent: process.ppid, intervalMs } })
  // it must not keep a process alive that has nothing else to do
  thread.unref()
}

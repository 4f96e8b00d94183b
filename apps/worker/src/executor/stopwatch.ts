/** What a run took, in ms. */
export type RunTime = {
  /** by the clock */
  runMs: number
  /** without what it waited for a core: that says nothing about the model */
  computeMs: number
}

/** By the clock, and of a core, in ms. */
type Reading = { wallMs: number; cpuMs: number }

/**
 * Starts a measurement of runs with these execution providers; what it returns ends it.
 *
 * The clock lies where others want the same cores: micro-batches that took 130 to 155 ms of a core took 230 to 430 by
 * the clock beside sixteen others. So on the CPU the time of the thread that runs the model counts. Threads of ONNX
 * Runtime's own have equal shares of the work and wait for each other at each of its steps, so it is as long with them.
 * Where another provider computes that thread only waits, and there is nothing but the clock.
 */
export const startStopwatch = (providers: string[], read: () => Reading = readClocks) => {
  const began = read()
  return (): RunTime => {
    const ended = read()
    const runMs = ended.wallMs - began.wallMs
    return { runMs, computeMs: areOnCpu(providers) ? Math.min(runMs, ended.cpuMs - began.cpuMs) : runMs }
  }
}

/** A clock, in ms, that stands still while the thread that runs the model has no core, where it needs one. */
export const computeClock = (providers: string[]) => () => {
  const { wallMs, cpuMs } = readClocks()
  return areOnCpu(providers) ? cpuMs : wallMs
}

const areOnCpu = (providers: string[]) => providers.every((provider) => provider === 'cpu')

const readClocks = (): Reading => {
  // Linux brings the time of the running thread up to date when it is asked for that of the process, and only then
  process.cpuUsage()
  const { user, system } = process.threadCpuUsage()
  return { wallMs: performance.now(), cpuMs: (user + system) / 1000 }
}

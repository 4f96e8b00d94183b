import { globSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** The library, or undefined where there is none: `apt-get install faketime` brings it, and `.ci/run` does. */
export const libfaketime = globSync('/usr/{lib,lib64,local/lib}{,/*}/faketime/libfaketimeMT.so.1')[0]

/** A clock that a process takes for that of its machine: what it tells can be set while the process runs. */
export type FakeClock = {
  /** what the process is started with; its timers go on as ever */
  environment: Record<string, string>
  /** Sets it, by so many seconds ahead of the right time; below 0 behind. */
  set(aheadSeconds: number): void
  remove(): void
}

/** Fakes the clock with [libfaketime](https://github.com/wolfcw/libfaketime). */
export const createFakeClock = (aheadSeconds: number): FakeClock => {
  const folder = mkdtempSync(join(tmpdir(), 'onqueue-clock-'))
  const [file, next] = [join(folder, 'clock'), join(folder, 'next')]
  const set = (seconds: number) => {
    writeFileSync(next, `${seconds < 0 ? '-' : '+'}${Math.abs(seconds)}\n`)
    // a process that looks at this moment finds the old or the new one
    renameSync(next, file)
  }
  set(aheadSeconds)
  return {
    environment: {
      LD_PRELOAD: libfaketime ?? '',
      FAKETIME_TIMESTAMP_FILE: file,
      FAKETIME_CACHE_DURATION: '1',
      FAKETIME_DONT_FAKE_MONOTONIC: '1',
    },
    set,
    remove: () => rmSync(folder, { recursive: true, force: true }),
  }
}

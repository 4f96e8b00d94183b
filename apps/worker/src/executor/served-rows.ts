import type { RowResult } from '../tasks/row-result.ts'
import { runProbe } from './probe.ts'
import type { Probe } from './probe.ts'
import { findRandomOutput } from './prove-independence.ts'
import type { Sample } from './prove-independence.ts'
import type { Verdict } from './protocol.ts'
import { createRunRows } from './run-rows.ts'
import type { RunRows } from './run-rows.ts'
import { judge } from './warm-up.ts'
import type { WarmUp } from './warm-up.ts'

/** So many rows that got different answers are enough for a proof. */
const enoughRows = 8

type Options = Pick<WarmUp, 'settings' | 'now'> & { probe: Probe; verdict: Verdict }

/**
 * The rows that a version runs for callers. Where the rows that were made up at warm-up did not show whether rows may share a
 * run, a few of these are kept, as they got different answers, and show it later.
 */
export class ServedRows {
  readonly #options: Options
  #verdict: Verdict
  #runRows: RunRows
  /** by the answers that they got */
  readonly #kept = new Map<string, unknown>()

  constructor(options: Options) {
    this.#options = options
    this.#verdict = options.verdict
    this.#runRows = createRunRows({ ...options.probe, ...options.verdict })
  }

  /** Rejects with `RunFailed`. */
  async run(rows: unknown[]): Promise<RowResult[]> {
    const results = await this.#runRows(rows)
    if (this.#verdict.isUndecided) this.#keep(rows, results)
    return results
  }

  /** It was shown elsewhere that so many rows may share a run, which may be one. */
  share(maxRows: number) {
    this.#decide({ maxRows, reason: null, isUndecided: false })
  }

  /**
   * Whether rows may share a run, by those that were kept. Each of its runs is one for `inTurn`, between which those of
   * callers come.
   */
  async proveAgain(inTurn: <T>(run: () => Promise<T>) => Promise<T>): Promise<Verdict> {
    const { probe, settings, now } = this.#options
    const { session } = probe
    const patient: Probe = {
      ...probe,
      session: { ...session, run: (feeds, names) => inTurn(() => session.run(feeds, names)) },
    }
    const samples = await runAlone(patient, await ofOneShape(patient, [...this.#kept.values()]))
    const [first] = samples
    if (!first || samples.length < 2) return this.#verdict
    const randomOutput = await findRandomOutput(patient, first)
    const verdict = await judge(patient, { samples, settings, now, randomOutput })
    this.#decide({ maxRows: 1, isUndecided: false, ...verdict })
    return this.#verdict
  }

  #decide(verdict: Verdict) {
    const { maxRows, reason, isUndecided } = verdict
    this.#verdict = { maxRows, reason, isUndecided }
    this.#runRows = createRunRows({ ...this.#options.probe, maxRows })
    // where they show nothing others may
    this.#kept.clear()
  }

  #keep(rows: readonly unknown[], results: readonly RowResult[]) {
    for (const [index, result] of results.entries()) {
      if (this.#kept.size >= enoughRows) return
      if (!result.ok) continue
      const answer = JSON.stringify(result.output)
      if (!this.#kept.has(answer)) this.#kept.set(answer, rows[index])
    }
  }
}

/** As many of them as can share a run by their shapes. */
const ofOneShape = async ({ task }: Probe, rows: readonly unknown[]) => {
  const { groups } = await task.encode([...rows])
  const [largest] = groups.toSorted((a, b) => b.positions.length - a.positions.length)
  return largest?.positions.map((position) => rows[position]) ?? []
}

const runAlone = async (probe: Probe, rows: readonly unknown[]) => {
  const samples: Sample[] = []
  for (const row of rows) {
    const run = await runProbe(probe, [row])
    if (!('failure' in run)) samples.push({ row, outputs: run.outputs })
  }
  return samples
}

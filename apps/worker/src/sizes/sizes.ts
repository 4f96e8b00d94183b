import type { RunTime } from '../executor/stopwatch.ts'
import type { Loaded } from '../executor/protocol.ts'
import { InstanceCount } from './instance-count.ts'
import { planHand } from './plan-hand.ts'
import { RowLimit } from './row-limit.ts'
import { TimesBySize } from './times-by-size.ts'

type Options = {
  timing: Loaded['timing']
  /** the most rows of a run, and why they are no more */
  batching: { maxRows: number; reason: string | null }
  /** executors that there are */
  countInstances: () => number
  /** what `instances: auto` plans for; undefined where `model.yaml` says how many there are */
  cores: number | undefined
  onRowLimitChanged: () => void
  /** there are to be so many executors */
  onInstancesWanted: (count: number) => void
}

/** How many rows run together, how many a worker holds and how many executors there are to be: by what runs take. */
export class Sizes {
  readonly #options: Options
  readonly #times = new TimesBySize()
  readonly #rowLimit: RowLimit
  readonly #instances: InstanceCount | undefined
  #hand: number

  constructor(options: Options) {
    const { timing, batching, cores, onRowLimitChanged } = options
    this.#options = options
    this.#times.add(1, atWarmUp(timing.oneRowMs))
    this.#times.add(timing.batchRows, atWarmUp(timing.batchMs))
    this.#rowLimit = new RowLimit({
      times: this.#times,
      maxRows: batching.maxRows,
      maxRowsReason: batching.reason,
      onChanged: onRowLimitChanged,
    })
    this.#instances = cores === undefined ? undefined : new InstanceCount(cores)
    this.#hand = this.#planHand()
  }

  get rowLimit() {
    return this.#rowLimit
  }

  /** How many rows a worker should hold at present, for its executors to be busy. */
  get hand() {
    return this.#hand
  }

  /** What a run of so many rows is to take. */
  expectRun(rows: number) {
    return this.#times.expect(rows)
  }

  /** A run of so many rows was measured. */
  ran(rows: number, time: RunTime) {
    this.#times.add(rows, time)
    this.#rowLimit.ran(rows)
    this.#hand = this.#planHand()
    const { countInstances, onInstancesWanted } = this.#options
    const wanted = this.#instances?.ran({ rowMs: this.rowMs, present: countInstances() })
    if (wanted !== undefined) onInstancesWanted(wanted)
  }

  /** It is known now whether rows may share a run. */
  allow({ maxRows, reason }: Options['batching']) {
    this.#rowLimit.allow(maxRows, reason)
    this.#hand = this.#planHand()
  }

  /** What a row computes in a full micro-batch, in ms. */
  get rowMs() {
    const { rows } = this.#rowLimit
    return this.#times.expect(rows).computeMs / rows
  }

  #planHand() {
    return planHand({
      rowMs: this.rowMs,
      rowLimit: this.#rowLimit.rows,
      instances: this.#options.countInstances(),
    })
  }
}

/** What was measured before there was a run: without waits for a core, as runs take where nothing else wants them. */
const atWarmUp = (ms: number): RunTime => ({ runMs: ms, computeMs: ms })

import type { ModelDefinition } from '../repository/model-definition.ts'
import { Refusal } from '../refusal.ts'
import { chooseTask } from '../tasks/choose-task.ts'
import type { ChosenTask } from '../tasks/choose-task.ts'
import type { ModelSettings } from '../tasks/model-settings.ts'
import { measureTiming } from './measure-timing.ts'
import { openModelSession } from './model-session.ts'
import { readOnnxSource } from '../onnx-file/onnx-source.ts'
import type { Probe } from './probe.ts'
import type { Loaded } from './protocol.ts'
import { readPeakMemory } from './peak-memory.ts'
import { reviewAnswers } from './review-answers.ts'
import { createRunRows } from './run-rows.ts'
import { seededRandom } from './sample-rows.ts'
import { withRowsInFront } from './rows-in-front.ts'
import { ServedRows } from './served-rows.ts'
import { computeClock, startStopwatch } from './stopwatch.ts'
import { warmUp } from './warm-up.ts'

export type LoadedModel = {
  loaded: Omit<Loaded, 'type' | 'memoryBytes' | 'grownBytes'>
  served: ServedRows
  /** for whoever runs rows of files, which are none of those that are served */
  probe: Probe
  /** Gives back what ONNX Runtime has of it. */
  release: () => Promise<void>
}

/**
 * Loads a version, warms it up and tells what was found. Throws a `Refusal` where the reason that it can't be served lies in its files.
 * `proveRows`: so many rows are to share a run if they may, in place of the `max_rows` that are right for callers; how long such
 * a run takes is the affair of whoever asks.
 */
export const loadModel = async (
  definition: ModelDefinition,
  threads: number,
  { proveRows }: { proveRows?: number | undefined } = {},
): Promise<LoadedModel> => {
  const settings = provenAt(definition.settings, proveRows)
  const chosen = chooseTask(settings)
  const { source, session: asInFile } = await open(definition, threads, chosen)
  const { rows = 'auto' } = 'rows' in settings ? settings : {}
  const session = typeof rows === 'object' ? withRowsInFront(asInFile, rows) : asInFile
  const now = computeClock(session.providers)
  const warmedUp = await warmUp({
    session,
    chosen,
    settings,
    // of which input the numbers of features are that trees have is only clear where there is one
    hints: session.signature.inputs.length > 1 ? { ...source.hints, thresholds: new Map() } : source.hints,
    random: seededRandom(1),
    now,
    ...(proveRows === undefined ? {} : { largestRunMs: Infinity }),
  })
  const warnings = await reviewAnswers(warmedUp)
  const { probe, example, samples, maxRows, reason, isUndecided } = warmedUp
  const runRows = createRunRows({ ...probe, maxRows })
  const measureRun = async (sample: unknown[]) => {
    const stop = startStopwatch(session.providers)
    await runRows(sample)
    return stop().computeMs
  }
  const timing = await measureTiming({
    measureRun,
    samples: samples.map((sample) => sample.row),
    maxRows,
    now,
  })
  return {
    served: new ServedRows({ probe, settings, now, verdict: { maxRows, reason, isUndecided } }),
    probe,
    release: session.release,
    loaded: {
      found: {
        warnings: [...session.warnings, ...probe.task.warnings, ...warmedUp.warnings, ...warnings],
        inputSchema: probe.task.inputSchema,
        outputSchema: probe.task.outputSchema,
        example: settings.example ?? leaveOutLarge(example),
        batching: { enabled: reason === null, maxRows, reason },
        providers: session.providers,
      },
      isUndecided,
      peakBytes: await readPeakMemory(),
      timing,
    },
  }
}

/** Where model.yaml says that rows run alone they do. */
const provenAt = (settings: ModelSettings, rows: number | undefined): ModelSettings =>
  rows === undefined || settings.batching.max_rows === 1
    ? settings
    : { ...settings, batching: { ...settings.batching, max_rows: rows } }

/** Behind a ZipMap there may be float64, which only ONNX Runtime can tell. */
const open = async (
  { onnxPath, settings: { providers } }: ModelDefinition,
  threads: number,
  { needs: { classLabels: wantsClassLabels } }: ChosenTask,
) => {
  const openAs = async (scores: 'float32' | 'float64') => {
    const source = await readOnnxSource({ onnxPath, wantsClassLabels, scores })
    return { source, session: await openModelSession({ source, onnxPath, threads, providers }) }
  }
  try {
    return await openAs('float32')
  } catch (err) {
    const isDouble =
      err instanceof Refusal && /\(tensor\(float\)\) of output .*\(tensor\(double\)\)/s.test(err.message)
    if (!isDouble) throw err
    return openAs('float64')
  }
}

/** Cards travel to every API process and into the docs: an image's worth of made-up numbers helps nobody there. */
const leaveOutLarge = (example: unknown) => (JSON.stringify(example).length > 16_384 ? null : example)

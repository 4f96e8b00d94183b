import type { ModelSettings } from '../tasks/model-settings.ts'

// Which versions share executors, and how many one is shared by.

const megabyte = 1024 * 1024

/** Versions in one executor: as many wait for its restart when it ends. */
export const mostVersions = 16
/** Of what was unloaded something may stay behind. */
export const mostClosings = 32
/** No more versions are loaded in an executor that has more than this. */
export const fullBytes = 512 * megabyte
/** One that has come to more leaks, and is ended. */
export const leakBytes = 1024 * megabyte
/** A version in whose runs executors ended so often has one of its own. */
export const mostStrikes = 2

/** What it is in memory is a few times as much. */
const smallFileBytes = 4 * megabyte
const smallGrowthBytes = 64 * megabyte
/** Others wait for so long, at the most, whenever a full micro-batch of the version runs. */
const smallBatchMs = 20
/** A small version is loaded within a second. One that takes so long may hang, and others wait for it. */
export const sharedLoadLimitMs = 30_000
/** What a run takes depends on the input, too. */
const slowRunMs = 250

/** Whether a version may turn out to be small. `instances` in `model.yaml` asks for executors of its own. */
export const mayBeSmall = ({
  settings: { instances, providers },
  threads,
  fileBytes,
}: {
  settings: Pick<ModelSettings, 'instances' | 'providers'>
  threads: number
  /** undefined where it can't be told */
  fileBytes: number | undefined
}) =>
  instances === 'auto' &&
  threads === 1 &&
  providers.every((provider) => provider === 'cpu') &&
  (fileBytes ?? Infinity) <= smallFileBytes

/** Whether a version is small, by what loading it showed. */
export const isSmall = ({
  grownBytes,
  batchMs,
}: {
  /** by how much its executor grew */
  grownBytes: number
  /** what a full micro-batch takes */
  batchMs: number
}) => grownBytes <= smallGrowthBytes && batchMs <= smallBatchMs

/** Whether one that was small when it was loaded keeps others waiting. */
export const isTooSlow = (slowestRunMs: number) => slowestRunMs > slowRunMs

import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { toClose } from '../bench/processes/closing.ts'
import { seededRandom } from '../tests/support/random.ts'
import { readBatchCounters } from './aftermath/batch-counters.ts'
import { readCounters, takeCensus } from './aftermath/census.ts'
import { checkErrors, checkOutput } from './aftermath/check-scored.ts'
import { compareScored } from './aftermath/compare-scored.ts'
import { listAll, readAll } from './aftermath/read-all.ts'
import { readPlan } from './aftermath/read-plan.ts'
import { readScored } from './aftermath/read-scored.ts'
import { untilQuiet } from './aftermath/until-quiet.ts'
import type { BrokenBuild } from './broken/broken-builds.ts'
import { makeBrokenCheckout } from './broken/make-broken-checkout.ts'
import type { Evidence, Violation } from './judge/evidence.ts'
import { judge } from './judge/judge.ts'
import { judgeBatch, toldOf } from './judge/judge-batch.ts'
import type { BatchEvidence } from './judge/judge-batch.ts'
import { toldIds } from './ledger/entry.ts'
import { Ledger } from './ledger/ledger.ts'
import { batchModel, openIris } from './questions/iris.ts'
import { models } from './questions/models.ts'
import { writeFlowers } from './questions/write-flowers.ts'
import type { FlowerFile } from './questions/write-flowers.ts'
import { startReceiver } from './receiver/receiver.ts'
import { createStopwatch } from './report/stopwatch.ts'
import { openStormStack } from './stack/storm-stack.ts'
import type { StormStack } from './stack/storm-stack.ts'
import { untilServing } from './stack/until-serving.ts'
import { followBatch, submitBatch } from './submits/batch-client.ts'
import { batchInStorm } from './submits/batch-in-storm.ts'
import type { StormedBatch } from './submits/batch-in-storm.ts'
import { callersOf, othersBeside } from './submits/beside-batch.ts'
import { drawKinds } from './submits/draw-kinds.ts'

export type BatchStormResult = {
  evidence: Evidence
  batch: BatchEvidence
  violations: Violation[]
  stormed: StormedBatch
  /** how long each part took */
  seconds: Record<string, number>
}

type Options = {
  seed: number
  rows: number
  /** runs this one in place of the apps as they are */
  brokenBuild?: BrokenBuild | undefined
  /** told of each part as it begins */
  onPart: (sentence: string) => void
}

/** Each kind comes once, and then again in another order. */
const drawnKinds = 2000

const settings = {
  // with more there are few moments in which a kill hits anything
  ONQUEUE_BATCH_EXECUTORS: '1',
  ONQUEUE_BATCH_PRIORITY: 'normal',
  // the lease of an upload, whose API was killed, is twice that
  ONQUEUE_BODY_TIMEOUT: '10s',
}

/** Has a file scored, once undisturbed and once through a storm of kills, and judges what came of it. */
export const runBatchStorm = async ({
  seed,
  rows,
  brokenBuild,
  onPart,
}: Options): Promise<BatchStormResult> => {
  await using opened = new AsyncDisposableStack()
  const { seconds, timed } = createStopwatch(onPart)
  const folder = await mkdtemp(join(tmpdir(), 'onqueue-storm-rows-'))
  opened.defer(toClose(() => rm(folder, { recursive: true, force: true })))
  const file = await timed('rows', () => writeFlowers(join(folder, 'flowers.csv'), { seed, rows }))
  const iris = await openIris(seed)
  const modelList = [models.demo, iris]
  const broken = brokenBuild && (await makeBrokenCheckout(brokenBuild))
  if (broken) opened.defer(broken.close)
  const stack = await openStormStack({ models: modelList, checkout: broken?.checkout, settings })
  opened.defer(stack.close)
  let secret = ''
  const receiver = await startReceiver({ random: seededRandom(seed), readSecret: () => secret })
  opened.defer(receiver.close)

  secret = await timed('starting', () => untilServing(stack, modelList.length))
  const undisturbed = await timed('undisturbed', () => scoreUndisturbed(stack, file, folder))
  const faults = await timed('checking', async () => [
    ...(await checkOutput(undisturbed.outputPath, file)),
    ...(await checkErrors(undisturbed.errorsPath, file)),
  ])
  const ledger = new Ledger()
  const callers = callersOf(iris)
  const stormed = await timed('storm', () =>
    batchInStorm(stack, {
      file,
      model: batchModel,
      outputBytes: undisturbed.output.bytes,
      kinds: drawKinds([callers, ...othersBeside], { seed, predictions: drawnKinds }),
      onDealt: ({ kind, to }) => onPart(`${kind} ${to}`),
      ledger,
      quickModels: modelList,
      urls: stack.urls,
      receiverUrls: receiver.urls,
      seed,
    }),
  )

  const place = { redis: stack.client, namespace: stack.prefix, models: modelList.map(({ name }) => name) }
  const readAllCounters = async () => ({
    ...(await readCounters(place)),
    ...(await readBatchCounters({ ...place, model: batchModel, storage: stack.storage })),
  })
  await timed('calm', () => untilQuiet(readAllCounters))
  const counters = await readBatchCounters({ ...place, model: batchModel, storage: stack.storage })
  const census = await timed('census', () => takeCensus(place))
  const found = await timed('reading', async () => {
    const told = ledger.entries.flatMap(toldIds)
    const listed = await listAll(stack.urls[0] ?? '')
    return readAll(stack.urls, [...new Set([...told, ...listed, ...census.jobs])])
  })
  const ofApis = await timed('reading the batch', () =>
    Promise.all(
      stack.urls.map((url, api) => readBatch(url, stormed.id, join(folder, `stormed-${api}.jsonl`))),
    ),
  )
  const differences = await Promise.all(
    ofApis
      .filter(({ output }) => output.sha256 !== undisturbed.output.sha256)
      .map(({ outputPath }) => compareScored(outputPath, undisturbed.outputPath)),
  )
  const plans = await Promise.all([undisturbed.id, stormed.id].map((id) => readPlan(place, id)))
  const leftovers = await timed('ending', () => stack.end())

  const arrivals = [...receiver.arrivals.values()]
  const evidence: Evidence = {
    entries: ledger.entries,
    found,
    arrivals: arrivals.filter((arrival) => toldOf(arrival) === undefined),
    census,
    defects: Object.values(stack.places).flatMap((places) => places.flatMap(({ defects }) => defects)),
    leftovers,
  }
  const batch: BatchEvidence = {
    id: stormed.id,
    rows,
    badRows: file.badRows.length,
    undisturbed: { output: undisturbed.output, errors: undisturbed.errors, faults },
    sightings: stormed.sightings,
    last: ofApis.flatMap(({ last }) => last),
    scored: ofApis,
    differences,
    plans,
    arrivals: arrivals.filter((arrival) => toldOf(arrival) !== undefined),
    watch: stormed.watch,
    callers: ledger.entries.filter(({ kind }) => kind === callers.name),
    counters,
  }
  return { evidence, batch, stormed, violations: [...judgeBatch(batch), ...judge(evidence)], seconds }
}

/** Has the file scored while nothing happens. */
const scoreUndisturbed = async ({ urls }: StormStack, file: FlowerFile, folder: string) => {
  const { id } = await submitBatch(urls, {
    model: batchModel,
    path: file.path,
    key: `storm-${file.seed}-undisturbed`,
    webhook: undefined,
  })
  await followBatch(urls, id)
  const [url = ''] = urls
  const [outputPath, errorsPath] = [join(folder, 'output.jsonl'), join(folder, 'errors.jsonl')]
  const output = await readScored(url, { id, what: 'output', path: outputPath })
  const errors = await readScored(url, { id, what: 'errors', path: errorsPath })
  return { id, output, errors, outputPath, errorsPath }
}

/** A batch as an API has it in the end. */
const readBatch = async (url: string, id: string, outputPath: string) => ({
  last: (await followBatch([url], id)).slice(-1),
  outputPath,
  output: await readScored(url, { id, what: 'output', path: outputPath }),
  errors: await readScored(url, { id, what: 'errors' }),
})

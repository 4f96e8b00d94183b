import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { seededRandom } from '../tests/support/random.ts'
import { readBatchCounters } from './aftermath/batch-counters.ts'
import { readCounters, takeCensus } from './aftermath/census.ts'
import { checkErrors, checkOutput } from './aftermath/check-scored.ts'
import { listAll, readAll } from './aftermath/read-all.ts'
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
import type { StormModel } from './questions/models.ts'
import { askOne } from './questions/question.ts'
import { writeFlowers } from './questions/write-flowers.ts'
import type { FlowerFile } from './questions/write-flowers.ts'
import { startReceiver } from './receiver/receiver.ts'
import { createStopwatch } from './report/stopwatch.ts'
import { openStormStack } from './stack/storm-stack.ts'
import type { StormStack } from './stack/storm-stack.ts'
import { untilServing } from './stack/until-serving.ts'
import { allKinds } from './submits/all-kinds.ts'
import { followBatch, submitBatch } from './submits/batch-client.ts'
import { batchInStorm } from './submits/batch-in-storm.ts'
import type { StormedBatch } from './submits/batch-in-storm.ts'
import { drawKinds } from './submits/draw-kinds.ts'
import type { SubmitKind } from './submits/submit-kind.ts'

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
  opened.defer(() => rm(folder, { recursive: true, force: true }))
  const file = await timed('rows', () => writeFlowers(join(folder, 'flowers.csv'), { seed, rows }))
  const iris = await openIris(seed)
  const modelList = [...Object.values(models), iris]
  const broken = brokenBuild && (await makeBrokenCheckout(brokenBuild))
  if (broken) opened.defer(broken.close)
  const stack = await openStormStack({ models: modelList, checkout: broken?.checkout, settings })
  opened.defer(stack.close)
  let secret = ''
  const receiver = await startReceiver({ random: seededRandom(seed), readSecret: () => secret })
  opened.defer(receiver.close)

  secret = await timed('starting', () => untilServing(stack, modelList.length))
  const undisturbed = await timed('undisturbed', () => scoreUndisturbed(stack, file, folder))
  const ledger = new Ledger()
  const stormed = await timed('storm', () =>
    batchInStorm(stack, {
      file,
      model: batchModel,
      outputBytes: undisturbed.output.bytes,
      kinds: drawKinds([...allKinds, toKind(iris)], { seed, predictions: drawnKinds }),
      onDealt: ({ kind, to }) => onPart(`${kind} ${to}`),
      ledger,
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
    Promise.all(stack.urls.map((url) => readBatch(url, stormed.id))),
  )
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
    undisturbed,
    sightings: stormed.sightings,
    last: ofApis.flatMap(({ last }) => last),
    scored: ofApis,
    arrivals: arrivals.filter((arrival) => toldOf(arrival) !== undefined),
    watch: stormed.watch,
    counters,
  }
  return { evidence, batch, stormed, violations: [...judgeBatch(batch), ...judge(evidence)], seconds }
}

/** Has the file scored while nothing happens, and holds what comes of it against what the model says in this process. */
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
  const faults = [...(await checkOutput(outputPath, file)), ...(await checkErrors(errorsPath, file))]
  return { output, errors, faults }
}

/** A batch as an API has it in the end. */
const readBatch = async (url: string, id: string) => ({
  last: (await followBatch([url], id)).slice(-1),
  output: await readScored(url, { id, what: 'output' }),
  errors: await readScored(url, { id, what: 'errors' }),
})

const toKind = (model: StormModel): SubmitKind => ({
  name: 'of the batch’s model',
  weight: 60,
  run: (turn) => turn.submit(turn.open(askOne(model.name, turn.row(model)))),
})

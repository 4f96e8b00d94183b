/** A version as this worker has it. */
export type OwnVersion = {
  model: string
  version: string
  digest: string
  status: 'loading' | 'refused' | 'ready'
  /** why it is not ready; null where there is nothing to say */
  reason: string | null
  /** so many tries to load it have failed that nobody should wait for the next one */
  keepsFailing?: boolean
}

/** A version that another live worker serves. */
export type OtherVersion = Pick<OwnVersion, 'model' | 'version' | 'digest'>

/** What has to be loaded: the default version of each model, or all versions. */
export type Demand = 'default' | 'all'

/**
 * Why a worker can't become ready, a sentence each. `own` are the versions that it found at its start, each model's in
 * ascending order.
 *
 * A version that is refused for its files, or that keeps failing to load, does not keep it from becoming ready, or one broken
 * model would take all others of a roll-out away; unless another worker serves that very version, or the model of which there is nothing else here:
 * then the roll-out would take away what is still good.
 */
export const whyNotReadyYet = ({
  own,
  others,
  demand,
}: {
  own: OwnVersion[]
  others: OtherVersion[]
  demand: Demand
}): string[] => {
  const waitedFor = demand === 'all' ? own.filter(isNotReady) : defaultVersions(own).filter(isNotReady)
  const conflicts = own.flatMap((version) => {
    const other = isGivenUp(version) ? findServed(version, own, others) : undefined
    return other ? [describeConflict(version, other)] : []
  })
  return [...waitedFor.map(describe), ...conflicts]
}

/** Why a worker can serve nothing, a sentence each: also of one that was ready. Empty when it can. */
export const whyNothingRuns = (own: OwnVersion[], modelsDir: string): string[] => {
  if (own.length === 0)
    return [
      `there is no model in ${modelsDir}: put a folder with a model.onnx into it and restart the worker`,
    ]
  return own.every(isNotReady) ? own.map(describe) : []
}

/** Of each model the newest version that is not given up: what a prediction gets that asks for none. */
const defaultVersions = (own: OwnVersion[]) =>
  [...Map.groupBy(own, ({ model }) => model).values()].flatMap((versions) => {
    const newest = versions.findLast((version) => !isGivenUp(version))
    return newest ? [newest] : []
  })

const isGivenUp = ({ status, keepsFailing = false }: OwnVersion) => status === 'refused' || keepsFailing

const isNotReady = ({ status }: OwnVersion) => status !== 'ready'

/** What another worker serves in place of a version that is refused here. */
const findServed = (refused: OwnVersion, own: OwnVersion[], others: OtherVersion[]) => {
  const ofModel = others.filter(({ model }) => model === refused.model)
  const isServedHere = own.some(({ model, status }) => model === refused.model && status === 'ready')
  return (
    ofModel.find(({ version }) => version === refused.version) ?? (isServedHere ? undefined : ofModel.at(-1))
  )
}

const describe = ({ model, version, status, reason }: OwnVersion) =>
  `version ${version} of ${model} is ${status}${reason === null ? '' : `: ${reason}`}`

const describeConflict = ({ model, version, digest, status, reason }: OwnVersion, other: OtherVersion) => {
  const served = other.version === version ? 'it' : `version ${other.version}`
  const files = other.digest === digest ? 'from the same files' : `from other files (${short(other.digest)})`
  return `version ${version} of ${model} (${short(digest)}) is ${status} here, and another worker serves ${served} ${files}: ${reason ?? 'it gave no reason'}`
}

const short = (digest: string) => digest.slice(0, 12)

import { checkVersion } from './check-version.ts'
import type { CheckedVersion, VersionStatus } from './check-version.ts'
import type { ModelRepository } from '../../apps/worker/src/repository/read-model-repository.ts'

/** Checks all that was found, one version after the other: beside others they would be slower than they are. */
export const checkModels = async (
  { definitions, refused, unread }: ModelRepository,
  { signal }: { signal: AbortSignal },
): Promise<CheckedVersion[]> => {
  const checked: CheckedVersion[] = []
  for (const definition of definitions) {
    if (!signal.aborted) checked.push(await checkVersion(definition, { signal }))
  }
  const notTried = [
    ...refused.map((one) => ({ ...one, status: 'refused' as const })),
    ...unread.map((one) => ({ ...one, status: 'unread' as const })),
  ]
  return [...checked, ...notTried.map(toChecked)].toSorted((a, b) => compare(nameOf(a), nameOf(b)))
}

const toChecked = (one: {
  name: string
  version?: string
  reason: string
  status: VersionStatus
}): CheckedVersion => ({
  model: one.name,
  version: one.version ?? null,
  status: one.status,
  reason: one.reason,
  found: null,
  exampleProblem: null,
  golden: { cases: 0, passed: 0, failures: [] },
})

/** As it is called in what is printed. */
export const nameOf = ({ model, version }: Pick<CheckedVersion, 'model' | 'version'>) =>
  version === null ? model : `${model}/${version}`

const compare = (a: string, b: string) => a.localeCompare(b, 'en', { numeric: true })

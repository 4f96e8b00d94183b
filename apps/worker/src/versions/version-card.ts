import { createHash } from 'node:crypto'
import type { VersionCard } from '@onqueue/shared'
import type { ModelDefinition } from '../repository/model-definition.ts'
import type { RefusedModel, UnreadModel } from '../repository/read-model-repository.ts'
import type { VersionDescription } from '../supervision/describe-version.ts'
import type { FailedRead } from './read-at-last.ts'
import type { VersionEntry } from './version-entry.ts'

/** What is told of a version that is in this worker; nothing of one that is about to leave it. */
export const cardOf = ({
  state,
  reason,
  keepsFailing,
  definition,
  version,
}: Told): VersionCard | undefined => {
  const { name, version: versionName, digest } = definition
  if (state === 'ready' && version) return readyCard(definition, version.description)
  if (state === 'loading')
    return { ...blankCard(name, versionName, digest), reason, ...(keepsFailing && { keepsFailing }) }
  return state === 'refused'
    ? refusedCard({ ...definition, reason: reason ?? 'it gave no reason' })
    : undefined
}

type Told = Pick<VersionEntry, 'state' | 'reason' | 'keepsFailing' | 'definition' | 'version'>

const readyCard = (
  { name, version, digest, settings }: ModelDefinition,
  description: VersionDescription,
): VersionCard => ({
  ...blankCard(name, version, digest),
  status: 'ready',
  attempts: settings.attempts,
  interface: description.interface,
})

export const refusedCard = ({ name, version = '1', digest, reason }: RefusedModel): VersionCard => ({
  ...blankCard(name, version, digest ?? standIn(`refused ${name}`)),
  status: 'refused',
  reason,
})

/** Of what the machine can't read for now: its files are not to blame. */
export const unreadCard = ({
  name,
  version = '1',
  reason,
  keepsFailing,
}: UnreadModel & Partial<FailedRead>): VersionCard => ({
  ...blankCard(name, version, standIn(`unread ${name} ${version}`)),
  reason,
  ...(keepsFailing && { keepsFailing }),
})

/** Stands for the digest of a definition that could not even be read. */
const standIn = (what: string) => createHash('sha256').update(what).digest('hex')

const blankCard = (model: string, version: string, digest: string): VersionCard => ({
  model,
  version,
  digest,
  generation: 0,
  status: 'loading',
  reason: null,
  attempts: 1,
  interface: null,
})

import { createHash } from 'node:crypto'
import type { VersionCard } from '@onqueue/shared'
import type { ModelDefinition } from '../repository/model-definition.ts'
import type { RefusedModel } from '../repository/read-model-repository.ts'
import type { VersionDescription } from '../serving/describe-version.ts'

export const loadingCard = ({ name, version, digest }: ModelDefinition) => blankCard(name, version, digest)

export const readyCard = (
  { name, version, digest, settings }: ModelDefinition,
  description: VersionDescription,
): VersionCard => ({
  ...blankCard(name, version, digest),
  status: 'ready',
  attempts: settings.attempts,
  interface: description.interface,
})

export const refusedCard = ({ name, version = '1', digest, reason }: RefusedModel): VersionCard => ({
  ...blankCard(name, version, digest ?? digestOfRefusal(name)),
  status: 'refused',
  reason,
})

/** Stands for a definition that could not even be read. */
const digestOfRefusal = (model: string) => createHash('sha256').update(`refused ${model}`).digest('hex')

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

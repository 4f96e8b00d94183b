import { createHash } from 'node:crypto'
import type { VersionCard } from '@onqueue/shared'
import type { VersionDescription } from '../executor/protocol.ts'
import type { ModelDefinition } from '../repository/model-definition.ts'
import type { RefusedModel } from '../repository/read-model-repository.ts'

export const loadingCard = ({ name, version, digest }: ModelDefinition) => blankCard(name, version, digest)

export const readyCard = (
  { name, version, digest, settings }: ModelDefinition,
  description: VersionDescription,
): VersionCard => ({
  ...blankCard(name, version, digest),
  status: 'ready',
  warnings: description.warnings,
  description: description.description,
  task: description.task,
  inputSchema: description.inputSchema,
  outputSchema: description.outputSchema,
  example: description.example,
  batching: { ...description.batching, reason: description.batching.reason ?? null },
  providers: description.providers,
  attempts: settings.attempts,
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
  warnings: [],
  description: null,
  task: null,
  inputSchema: null,
  outputSchema: null,
  example: null,
  batching: { enabled: false, maxRows: 1, maxWaitMs: 0, reason: null },
  providers: [],
  attempts: 1,
})

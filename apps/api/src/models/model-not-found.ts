import { AppError, modelNameSchema, nearestName, nearestNames } from '@onqueue/shared'

/**
 * Who asks for a model that is not there is told the names that are, the nearest first, and how many more there are. A name that
 * can't be one is not repeated: it may be anything.
 */
export const modelNotFound = (name: string, known: string[]) => {
  const isName = modelNameSchema.safeParse(name).success
  const untold = known.length - maxNames
  return new AppError(
    'model_not_found',
    (isName ? `model "${name}" is not here; ` : 'no model has such a name; ') +
      describeKnown(name, known) +
      (untold > 0 ? ` and ${untold} more, see GET /v1/models` : ''),
  )
}

const maxNameLength = 64
const maxNames = 10

const describeKnown = (name: string, known: string[]) => {
  const asked = name.slice(0, maxNameLength)
  const nearest = nearestNames(asked, known).slice(0, maxNames)
  if (nearest.length === 0) return 'no model has been loaded yet'
  const meant = nearestName(asked, known)
  const question = meant === undefined ? '' : `did you mean "${meant}"? `
  return `${question}known models: ${nearest.join(', ')}`
}
